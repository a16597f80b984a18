//! Facts of the release table as JSON, for the commands that show them.

use jiff::civil::Date;
use meshcheck_rules::istio::version::KubernetesVersion;
use meshcheck_rules::releases::{
    Bulletin, EndOfLife, KubernetesFloor, KubernetesRange, Release, Releases,
};
use serde::Serialize;

use crate::args::ReleaseDataArgs;

/// Which table the answer comes from.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TableOut {
    as_of: String,
    age_days: i32,
    file: Option<String>,
}

impl TableOut {
    /// A table on a date.
    pub fn of(table: &Releases, arguments: &ReleaseDataArgs, on: Date) -> Self {
        let file = arguments.file.as_ref();
        Self {
            as_of: table.as_of.to_string(),
            age_days: table.age(on),
            file: file.map(|file| file.to_string_lossy().into_owned()),
        }
    }
}

/// When support ends.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndOut {
    date: String,
    certainty: &'static str,
    days_left: i32,
}

impl EndOut {
    /// An end, seen from a date.
    pub fn of(end: EndOfLife, on: Date) -> Self {
        Self {
            date: end.date.to_string(),
            certainty: end.certainty.word(),
            days_left: (end.date - on).get_days(),
        }
    }
}

/// On which Kubernetes a minor runs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KubernetesOut {
    tested: Option<RangeOut>,
    also_tested: Option<RangeOut>,
    floor: Option<String>,
}

impl From<&Release> for KubernetesOut {
    fn from(release: &Release) -> Self {
        let floor = |floor: &KubernetesFloor| floor.min.to_string();
        Self {
            tested: release.kubernetes.as_ref().map(RangeOut::from),
            also_tested: release.kubernetes_also_tested.as_ref().map(RangeOut::from),
            floor: release.kubernetes_floor.as_ref().map(floor),
        }
    }
}

/// Versions, both ends included.
#[derive(Serialize)]
pub struct RangeOut {
    min: String,
    max: String,
}

impl From<&KubernetesRange> for RangeOut {
    fn from(range: &KubernetesRange) -> Self {
        Self::new(range.min, range.max)
    }
}

impl RangeOut {
    /// From one version to another.
    pub fn new(min: KubernetesVersion, max: KubernetesVersion) -> Self {
        Self {
            min: min.to_string(),
            max: max.to_string(),
        }
    }
}

/// A bulletin.
#[derive(Serialize)]
pub struct BulletinOut<'a> {
    id: &'a str,
    published: String,
    cvss: Option<f64>,
}

impl<'a> From<&'a Bulletin> for BulletinOut<'a> {
    fn from(bulletin: &'a Bulletin) -> Self {
        Self {
            id: &bulletin.id,
            published: bulletin.published.to_string(),
            cvss: bulletin.cvss,
        }
    }
}

/// JSON over several lines, with the end of the last one.
pub fn pretty(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value);
    text.expect("every key is a string, and no type of ours fails") + "\n"
}
