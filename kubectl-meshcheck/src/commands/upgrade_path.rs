//! `upgrade-path`: the way from one version of Istio to another.

use meshcheck_rules::istio::image::Vendor;
use meshcheck_rules::releases::Releases;
use meshcheck_rules::upgrade::{Request, plan};

use super::{CommandError, today};
use crate::args::{Format, IstioBuild, UpgradePathArgs};
use crate::output::Stream;
use crate::release_data;
use crate::report::Verdict;

mod human;
mod json;
mod rescue;

/// Prints the way.
pub fn run(arguments: &UpgradePathArgs) -> Result<Verdict, CommandError> {
    let table = release_data::load(&arguments.release_data)?;
    let request = Request {
        from: arguments.from.version,
        to: arguments.to.as_ref().map(|to| to.version),
        kubernetes: arguments.kubernetes_version,
        on: arguments.as_of.unwrap_or_else(today),
    };
    let plan = plan(&table, &request)?;
    let notes = notes(arguments, &table);
    let mut out = Stream::stdout();
    match arguments.output {
        Format::Human => out.put(human::text(&table, &plan, &notes)),
        Format::Json => out.put(json::text(&table, &plan, &notes, &arguments.release_data)),
    }
    out.finish().map_err(CommandError::Output)?;
    Ok(Verdict::Clean)
}

/// What is to be known of the versions that were named.
fn notes(arguments: &UpgradePathArgs, table: &Releases) -> Vec<String> {
    let builds = [Some(&arguments.from), arguments.to.as_ref()];
    let builds = builds.into_iter().flatten();
    builds
        .flat_map(|build| [of_vendor(build), unlisted(build, table)])
        .flatten()
        .collect()
}

fn of_vendor(build: &IstioBuild) -> Option<String> {
    let IstioBuild { text, version, .. } = build;
    if let Some(vendor) = build.vendor.map(Vendor::as_str) {
        return Some(format!(
            "{text} is a build of vendor `{vendor}`, whose own documents decide about its upgrades and \
             its support; this is upstream's way from {version}"
        ));
    }
    let plain = text.strip_prefix('v').unwrap_or(text);
    let suffix = plain.strip_prefix(&version.to_string())?;
    let is_variant = matches!(suffix, "" | "-distroless" | "-debug");
    (!is_variant).then(|| {
        format!("{text} is somebody's own build; this is upstream's way from {version}, whose patches differ")
    })
}

fn unlisted(build: &IstioBuild, table: &Releases) -> Option<String> {
    let version = build.version;
    let release = table.get(version.minor)?;
    let is_listed = release
        .patches()
        .iter()
        .any(|patch| patch.version == version);
    (version.patch.is_some() && !is_listed).then(|| {
        format!(
            "the release table, of {}, does not list {version}: it is newer, or was never published",
            table.as_of
        )
    })
}
