//! `releases`: Istio's releases as they stand on a date.

use jiff::civil::Date;
use meshcheck_rules::releases::{Bulletin, Outlook, Release, Releases, State};
use serde::Serialize;

use super::governing::Governing;
use super::{CommandError, today};
use crate::args::{ColorChoice, Format, ReleasesArgs};
use crate::output::facts::{BulletinOut, EndOut, KubernetesOut, TableOut, pretty};
use crate::output::{Stream, counted, text};
use crate::release_data;
use crate::report::Verdict;

/// Ended longer ago than this, a release is shown only on request.
const RECENT_DAYS: i32 = 365;

/// Version of the schema. A member that is added does not raise it.
const VERSION: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReleasesOut<'a> {
    version: u32,
    as_of: String,
    table: TableOut,
    releases: Vec<ReleaseOut<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReleaseOut<'a> {
    minor: String,
    released: String,
    state: &'static str,
    end_of_life: Option<EndOut>,
    kubernetes: KubernetesOut,
    newest_patch: PatchOut,
    bulletins: Vec<BulletinOut<'a>>,
}

#[derive(Serialize)]
struct PatchOut {
    version: String,
    released: String,
}

/// Prints the list.
pub fn run(arguments: &ReleasesArgs) -> Result<Verdict, CommandError> {
    let policy = Governing::find(&arguments.policy, ColorChoice::Auto)?.policy();
    let table = release_data::load(&arguments.release_data)?;
    let on = arguments.as_of.unwrap_or_else(today);
    let all = table.outlook(on, policy.version.warn_days);
    let is_shown = |row: &&Outlook<'_>| {
        arguments.all || row.days_left(on).is_none_or(|left| left >= -RECENT_DAYS)
    };
    let shown: Vec<&Outlook<'_>> = all.iter().filter(is_shown).collect();
    let mut out = Stream::stdout();
    match arguments.output {
        Format::Human => out.put(human(&table, &shown, all.len(), on)),
        Format::Json => out.put(json(&table, arguments, &shown, on)),
    }
    out.finish().map_err(CommandError::Output)?;
    Ok(Verdict::Clean)
}

fn json(table: &Releases, arguments: &ReleasesArgs, shown: &[&Outlook<'_>], on: Date) -> String {
    pretty(&ReleasesOut {
        version: VERSION,
        as_of: on.to_string(),
        table: TableOut::of(table, &arguments.release_data, on),
        releases: shown.iter().map(|row| ReleaseOut::of(row, on)).collect(),
    })
}

impl<'a> ReleaseOut<'a> {
    fn of(row: &'a Outlook<'_>, on: Date) -> Self {
        Self {
            minor: row.release.minor.to_string(),
            released: row.release.released().to_string(),
            state: match row.state {
                State::Supported => "supported",
                State::EndingSoon => "endingSoon",
                State::Ended => "ended",
            },
            end_of_life: row.end.map(|end| EndOut::of(end, on)),
            kubernetes: KubernetesOut::from(row.release),
            newest_patch: PatchOut {
                version: row.patch.version.to_string(),
                released: row.patch.released.to_string(),
            },
            bulletins: row
                .bulletins
                .iter()
                .map(|bulletin| BulletinOut::from(*bulletin))
                .collect(),
        }
    }
}

fn human(table: &Releases, shown: &[&Outlook<'_>], all: usize, on: Date) -> String {
    let mut text = format!("Istio's releases on {on}, {}\n\n", source(table, on));
    if shown.is_empty() && all == 0 {
        return text + "none was out yet\n";
    }
    let head = [
        "release",
        "state",
        "until",
        "certainty",
        "days left",
        "Kubernetes",
        "newest patch",
        "of",
        "bulletins",
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(shown.iter().map(|row| cells(row, on)));
    text += &text::table("", &rows);
    text += &notes(shown, all);
    text
}

/// `by the release table of 2026-10-01, 52 days old`.
pub(super) fn source(table: &Releases, on: Date) -> String {
    let age = match table.age(on) {
        days @ 1.. => format!(", {} old", counted(days.unsigned_abs() as usize, "day")),
        _ => String::new(),
    };
    format!("by the release table of {}{age}", table.as_of)
}

fn cells(row: &Outlook<'_>, on: Date) -> Vec<String> {
    let state = match row.state {
        State::Supported => "supported",
        State::EndingSoon => "ending soon",
        State::Ended => "ended",
    };
    let unknown = || "-".to_owned();
    let left = row.days_left(on).filter(|left| *left >= 0);
    vec![
        row.release.minor.to_string(),
        state.to_owned(),
        row.end.map_or_else(unknown, |end| end.date.to_string()),
        row.end
            .map_or_else(unknown, |end| end.certainty.word().to_owned()),
        left.map_or_else(unknown, |left| format!("{left:>9}")),
        kubernetes(row.release),
        row.patch.version.to_string(),
        row.patch.released.to_string(),
        match row.bulletins.len() {
            0 => "none".to_owned(),
            count => count.to_string(),
        },
    ]
}

/// `1.32 to 1.36`.
pub(super) fn kubernetes(release: &Release) -> String {
    let range = release.kubernetes.as_ref();
    range.map_or_else(
        || "-".to_owned(),
        |range| format!("{} to {}", range.min, range.max),
    )
}

/// What does not fit the columns.
fn notes(shown: &[&Outlook<'_>], all: usize) -> String {
    let mut notes = String::new();
    let named = shown
        .iter()
        .filter(|row| row.state != State::Ended && !row.bulletins.is_empty());
    for row in named {
        let note = format!("{} is named by {}", row.patch.version, ids(&row.bulletins));
        notes += &text::paragraph("", &note);
    }
    let left_out = all - shown.len();
    if left_out > 0 {
        let what = counted(left_out, "release");
        notes += &text::paragraph(
            "",
            &format!("{what} ended more than a year before: --all lists them"),
        );
    }
    if notes.is_empty() {
        notes
    } else {
        format!("\n{notes}")
    }
}

/// `ISTIO-SECURITY-2026-005, ISTIO-SECURITY-2026-006`.
pub(super) fn ids(bulletins: &[&Bulletin]) -> String {
    let ids: Vec<&str> = bulletins
        .iter()
        .map(|bulletin| bulletin.id.as_str())
        .collect();
    ids.join(", ")
}
