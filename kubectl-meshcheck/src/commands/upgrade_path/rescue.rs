//! What to do where no supported hop is open, for people.

use meshcheck_rules::istio::version::{Minor, Version};
use meshcheck_rules::releases::{Fit, RemovedApi};
use meshcheck_rules::upgrade::{Landing, Plan, Rescue, Stop};

use super::human::{after, table};
use crate::output::counted;
use crate::output::text::paragraph;

/// The part of the answer behind "where you are".
pub(super) fn text(plan: &Plan<'_>, rescue: &Rescue<'_>) -> String {
    let cluster = plan.request.kubernetes;
    let cluster = cluster.map_or_else(String::new, |version| version.to_string());
    let mut text = no_step(plan, rescue, &cluster);
    text += &rescue.landing.as_ref().map_or_else(
        || nothing(plan, &cluster),
        |landing| jump(plan, landing, &cluster),
    );
    text
}

fn nothing(plan: &Plan<'_>, cluster: &str) -> String {
    let to = plan.to.version;
    let what = format!(
        "Nothing up to {to} runs on Kubernetes {cluster}. Ask without a target: a newer one may."
    );
    format!("\nWhat is left\n{}", paragraph("  ", &what))
}

/// Why no supported hop can be made.
fn no_step(plan: &Plan<'_>, rescue: &Rescue<'_>, cluster: &str) -> String {
    let head = format!(
        "Istio supports one minor at a time in place, and two by revision. From {} neither is open on \
         Kubernetes {cluster}, and Kubernetes does not go back down:",
        plan.from.version.minor
    );
    let mut text = format!("\nThe way by hops is closed\n{}", paragraph("  ", &head));
    for group in rescue
        .minors
        .chunk_by(|one, next| word(&one.1) == word(&next.1))
    {
        text += &of_group(group, rescue, plan, cluster);
    }
    text
}

/// Minors that go with this Kubernetes in the same manner.
fn of_group(
    group: &[(Minor, Fit<'_>)],
    rescue: &Rescue<'_>,
    plan: &Plan<'_>,
    cluster: &str,
) -> String {
    let (Some((first, fit)), Some((last, _))) = (group.first(), group.last()) else {
        return String::new();
    };
    let minors = if first == last {
        first.to_string()
    } else {
        format!("{first} to {last}")
    };
    let what = match fit {
        Fit::MissingApis(missing) => {
            let apis: Vec<&str> = missing.iter().map(|api| api.api.as_str()).collect();
            let same = plan
                .from
                .fit
                .as_ref()
                .is_some_and(|from| same_apis(from, fit));
            if same {
                "cannot run: the same APIs are missing".to_owned()
            } else {
                format!("cannot run without {}", apis.join(", "))
            }
        }
        Fit::BelowFloor(floor) => format!("does not install on less than Kubernetes {floor}"),
        Fit::AlsoTested | Fit::Untested | Fit::Unknown => {
            format!("would start, never tested on Kubernetes {cluster}")
        }
        Fit::Tested => format!("tested on Kubernetes {cluster}"),
    };
    let mut parts = vec![what];
    if rescue.first_running == Some(*first) {
        parts.push(format!("{first} is the first that starts"));
    }
    if rescue.first_tested == Some(*first) {
        parts.push(format!("{first} is the first that was tested"));
    }
    parts.extend(supported(group, rescue, plan));
    paragraph(&format!("  {minors:12}  "), &parts.join("; "))
}

/// `1.16 and 1.17 are supported on 2023-05-15`.
fn supported(group: &[(Minor, Fit<'_>)], rescue: &Rescue<'_>, plan: &Plan<'_>) -> Option<String> {
    let is_supported = |minor: &Minor| rescue.supported.contains(minor);
    let minors = group.iter().map(|(minor, _)| minor);
    let minors: Vec<String> = minors
        .filter(|minor| is_supported(minor))
        .map(Minor::to_string)
        .collect();
    let are = if minors.len() == 1 { "is" } else { "are" };
    let minors = (!minors.is_empty()).then(|| minors.join(" and "))?;
    Some(format!("{minors} {are} supported on {}", plan.request.on))
}

fn same_apis(one: &Fit<'_>, other: &Fit<'_>) -> bool {
    match (one, other) {
        (Fit::MissingApis(one), Fit::MissingApis(other)) => {
            let names =
                |apis: &[&RemovedApi]| apis.iter().map(|api| api.api.clone()).collect::<Vec<_>>();
            names(one) == names(other)
        }
        _ => false,
    }
}

fn word(fit: &Fit<'_>) -> &'static str {
    match fit {
        Fit::MissingApis(_) => "missing",
        Fit::BelowFloor(_) => "floor",
        Fit::AlsoTested | Fit::Untested | Fit::Unknown => "untested",
        Fit::Tested => "tested",
    }
}

/// The jump that is left.
fn jump(plan: &Plan<'_>, landing: &Landing<'_>, cluster: &str) -> String {
    let (from, to) = (plan.from.version, landing.stop.version);
    let head = format!(
        "A jump from {from} to {to}, over {} at once. Istio does not support it: nobody has tested it, and \
         there may be no way back. It is left because nothing in between can be reached here, and because \
         staying is worse.",
        counted(landing.minors as usize, "minor")
    );
    let mut text = format!("\nWhat is left\n{}", paragraph("  ", &head));
    text += &about_landing(&landing.stop, cluster);
    text += &time(plan);
    text += &preparation(from, to);
    text += &side_by_side(from, to);
    text += &in_place(from, to, landing.minors);
    text += &honestly(from, to);
    text + &onward(plan, landing)
}

fn about_landing(stop: &Stop<'_>, cluster: &str) -> String {
    let version = stop.version;
    let tested = match stop.fit {
        Some(Fit::Tested) => format!("was tested on Kubernetes {cluster}"),
        _ => format!("starts on Kubernetes {cluster}, on which nothing was tested"),
    };
    let what = if stop.is_supported() {
        format!("Why {version}: it {tested}, and is supported.")
    } else {
        format!(
            "Why {version}: it is the newest that {tested}. It is out of support itself, and so only a stop."
        )
    };
    paragraph("  ", &what)
}

/// How long one has, where the istiod that runs does not work any more.
pub(super) fn time(plan: &Plan<'_>) -> String {
    if !matches!(plan.from.fit, Some(Fit::MissingApis(_))) {
        return String::new();
    }
    paragraph(
        "  ",
        "There is little time. Proxies that run go on with the configuration that they have; but their \
         certificates live for 24 hours where nobody set it otherwise, only an istiod that works renews \
         them, and pods that start now may get no proxy at all.",
    )
}

fn list(title: &str, steps: &[String]) -> String {
    let mut text = format!("\n{title}\n");
    for (number, step) in (1..).zip(steps) {
        text += &paragraph(&format!("  {number}. "), step);
    }
    text
}

fn preparation(from: Version, to: Version) -> String {
    let first = from.minor.later(1);
    let mixer = Minor::one(8);
    let mixer = if from.minor < mixer && to.minor >= mixer {
        ", and Mixer, which is gone since 1.8"
    } else {
        ""
    };
    let steps = [
        "keep what is there: the file or values that Istio was installed from, `kubectl get istio-io -A -o \
         yaml`, and the mesh's CA (Secrets `istio-ca-secret` or `cacerts` in istio-system): with the same \
         CA old and new proxies trust each other, so never delete it on the way"
            .to_owned(),
        format!(
            "read the upgrade notes of {first} to {}: what each of them took away is taken away at once. \
             EnvoyFilters are the first to break{mixer}",
            to.minor
        ),
        format!(
            "with the istioctl of {to}: `istioctl x precheck`, `istioctl analyze -A`, and `istioctl manifest \
             generate -f YOUR-FILE`, which says what of your file it does not take any more"
        ),
        "if there is a second cluster like this one, do it there first".to_owned(),
    ];
    list("First", &steps)
}

fn side_by_side(from: Version, to: Version) -> String {
    let revision = to.to_string().replace('.', "-");
    let remove = if from.minor < Minor::one(6) {
        "remove the old control plane by hand: its Deployments, Services and webhook configurations"
            .to_owned()
    } else {
        "remove the old one: `istioctl uninstall --revision default` (so is called what was installed \
         without a revision). Read what it lists before you say yes, and never use --purge, which takes \
         the new one too"
            .to_owned()
    };
    let steps = [
        format!(
            "`istioctl install -f YOUR-FILE --set revision={revision}`: the new istiod comes beside the old \
             one. Gateways of the same file move with it, and their pods are made anew: have a second \
             replica of them ready"
        ),
        format!(
            "one namespace after the other, the least important first: `kubectl label namespace NAMESPACE \
             istio-injection- istio.io/rev={revision} --overwrite`, then `kubectl -n NAMESPACE rollout \
             restart deployment,statefulset,daemonset`, then look at its traffic"
        ),
        format!(
            "go on when no pod has a proxy of {from} any more: `kubectl get pods -A -o yaml | grep -c \
             proxyv2:{from}` says 0"
        ),
        remove,
    ];
    list("Side by side, while traffic still flows", &steps)
}

fn in_place(from: Version, to: Version, minors: u32) -> String {
    let steps = [
        format!(
            "`istioctl install -f YOUR-FILE`: {to} takes the place of {from}. istioctl does not refuse the \
             jump, it only says that another version is there; there is no old istiod to go back to"
        ),
        format!(
            "at once restart the gateways, then every workload: `kubectl -n NAMESPACE rollout restart \
             deployment,statefulset,daemonset`. Until its restart each proxy of {from} asks an istiod that \
             is {minors} minors ahead, where one is supported, and may be given what it cannot read"
        ),
        format!(
            "`istioctl proxy-status` shows who is connected; what still runs `proxyv2:{from}` was forgotten"
        ),
    ];
    list(
        "In place, when the mesh is down already: the fastest way",
        &steps,
    )
}

fn honestly(from: Version, to: Version) -> String {
    let what = format!(
        "Not supported by Istio in either way: the jump itself, proxies of {from} together with an istiod of \
         {to}, and configuration for {} that {} reads without the hops between. It has ended outages; it is \
         no promise.",
        from.minor, to.minor
    );
    format!("\n{}", paragraph("", &what))
}

/// From where one lands to where one wanted to be.
fn onward(plan: &Plan<'_>, landing: &Landing<'_>) -> String {
    let on = plan.request.on;
    match &landing.onward {
        None => after(&landing.stop, on),
        Some(Ok(route)) => format!(
            "\nThen on in place, one minor at a time: {}\n{}{}",
            counted(route.hops().count(), "hop"),
            table(route, on),
            after(&plan.to, on)
        ),
        Some(Err(_)) => {
            let what = format!(
                "From {} on no hop is open either: move Kubernetes as far as {} goes, then ask again.",
                landing.stop.version, landing.stop.version.minor
            );
            format!("\nAfter that\n{}", paragraph("  ", &what))
        }
    }
}
