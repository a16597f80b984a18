//! Mends that are told and not made.

use json_patch::PatchOperation;
use meshcheck_rules::Finding;

/// What is to be done, and each operation of the patch.
pub(super) fn told(finding: &Finding) -> Vec<String> {
    let Some(fix) = &finding.fix else {
        return Vec::new();
    };
    let title = format!("meshcheck advises for {}: {}", finding.rule, fix.title);
    let operations = fix.patch.0.iter().map(shown);
    std::iter::once(title).chain(operations).collect()
}

/// The whole as a JSON Patch.
pub(super) fn kept(finding: &Finding) -> String {
    let Some(fix) = &finding.fix else {
        return String::new();
    };
    let patch = serde_json::to_string(&fix.patch).expect("a patch has only string keys");
    format!("{}: {patch}", fix.title)
}

fn shown(operation: &PatchOperation) -> String {
    match operation {
        PatchOperation::Add(add) => format!("meshcheck advises: add {} {}", add.path, add.value),
        PatchOperation::Replace(replace) => format!(
            "meshcheck advises: replace {} by {}",
            replace.path, replace.value
        ),
        PatchOperation::Remove(remove) => format!("meshcheck advises: remove {}", remove.path),
        other => format!("meshcheck advises: {other}"),
    }
}
