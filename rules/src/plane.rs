//! The control planes that run, and how long each is supported.

use crate::engine::Engine;
use crate::istio::Subject;
use crate::istio::version::Version;
use crate::mesh::control_plane_in;
use crate::object::{Object, Strings};
use crate::releases::Support;
use crate::rules::support::Judged;

/// An istiod that runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Plane {
    /// Its revision.
    pub revision: String,
    /// Its version.
    pub version: Version,
    /// Days of support left, below zero once it has ended. `None` where nothing is known of the end:
    /// a version newer than the table, or a vendor's build of which the policy says no dates.
    pub days_left: Option<i32>,
}

impl Engine {
    /// The istiod that runs in an object and states its version.
    pub fn plane(&self, object: &Object<'_>) -> Option<Plane> {
        let strings = Strings::default();
        let subject = Subject::of(object, &strings);
        let plane = control_plane_in(object, &subject)?;
        let version = plane.version?;
        let vendor = subject.vendor_in(&subject.istiod.as_ref()?.container);
        let (policy, releases, on) = (self.policy(), self.releases(), self.as_of());
        let judged = Judged::by(policy, releases, on, vendor, version.minor);
        // Of a vendor's own support nothing is known then.
        let judged = judged.filter(|judged| judged.for_vendor.is_none());
        let end = match judged.map(|judged| judged.support) {
            Some(Support::Supported(end)) => end,
            Some(Support::Ended(end)) => Some(end),
            Some(Support::Newer | Support::Unlisted) | None => None,
        };
        Some(Plane {
            revision: plane.revision,
            version,
            days_left: end.map(|end| (end.date - on).get_days()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::civil::date;
    use serde_json::json;

    use super::*;
    use crate::config::{Policy, VendorSupport};
    use crate::istio::image::Vendor;
    use crate::releases::Releases;

    fn plane_of(image: &str, policy: Policy) -> Option<Plane> {
        let istiod = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "istiod", "labels": {"istio.io/rev": "canary"}},
            "spec": {
                "selector": {"matchLabels": {"app": "istiod"}},
                "template": {
                    "metadata": {"labels": {"app": "istiod"}},
                    "spec": {"containers": [{"name": "discovery", "image": image}]},
                },
            },
        });
        let engine = Engine::new(date(2023, 5, 18), policy, Releases::embedded());
        engine.plane(&Object::all(&istiod)[0])
    }

    fn days_left(image: &str, policy: Policy) -> Option<i32> {
        plane_of(image, policy).expect("a control plane").days_left
    }

    #[test]
    fn counts_the_days() {
        let plane = plane_of("istio/pilot:1.7.4", Policy::default()).expect("a control plane");
        assert_eq!(plane.revision, "canary");
        assert_eq!(plane.version.to_string(), "1.7.4");
        assert_eq!(plane.days_left, Some(-812));
        assert!(days_left("istio/pilot:1.16.1", Policy::default()) > Some(0));
        assert_eq!(days_left("istio/pilot:1.99.0", Policy::default()), None);
        assert_eq!(plane_of("istio/pilot:latest", Policy::default()), None);
        assert_eq!(plane_of("nginx:1.7.4", Policy::default()), None);
    }

    #[test]
    fn a_vendors_dates_are_the_policys() {
        let image = "gcr.io/gke-release/asm/pilot:1.7.4-asm.1";
        assert_eq!(days_left(image, Policy::default()), None);
        let with = |support| Policy {
            vendors: BTreeMap::from([(Vendor::Asm, support)]),
            ..Policy::default()
        };
        assert_eq!(days_left(image, with(VendorSupport::Ignore)), None);
        assert_eq!(days_left(image, with(VendorSupport::Upstream)), Some(-812));
        let plane = plane_of(image, Policy::default()).expect("a control plane");
        let minor = plane.version.minor;
        let dates = BTreeMap::from([(minor, date(2023, 5, 20))]);
        assert_eq!(days_left(image, with(VendorSupport::Until(dates))), Some(2));
    }
}
