//! Where the certificate comes from in each way to install, and what that may do.

use std::path::Path;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};
use meshcheck_rules::yaml::{Options, Stream};
use meshcheck_webhook::args::CertificateSource;
use meshcheck_webhook::watch;

use crate::configurations::CONFIGURATIONS;
use crate::{args, documents, only, pod, typed};

/// Which rules of a role are for this resource: names and verbs.
fn granted(rules: Option<&Vec<PolicyRule>>, resource: &str) -> Vec<(Vec<String>, Vec<String>)> {
    let rules = rules.into_iter().flatten();
    let resources = |rule: &PolicyRule| rule.resources.clone().unwrap_or_default();
    rules
        .filter(|rule| resources(rule).iter().any(|one| one == resource))
        .map(|rule| {
            (
                rule.resource_names.clone().unwrap_or_default(),
                rule.verbs.clone(),
            )
        })
        .collect()
}

fn may(verbs: &[&str], name: &str) -> (Vec<String>, Vec<String>) {
    let names = Some(name.to_owned()).filter(|name| !name.is_empty());
    let verbs = verbs.iter().map(ToString::to_string).collect();
    (names.into_iter().collect(), verbs)
}

#[test]
fn the_base_keeps_its_own_certificates_and_may_do_that_alone() {
    let pod = pod(only("base/deployment.yaml"));
    assert_eq!(pod.automount_service_account_token, Some(true));
    let source = args(&pod).certificate.source().expect("a source");
    let CertificateSource::Managed(source) = source else {
        panic!("{source:?}");
    };
    let settings = source.settings("meshcheck-system");
    let service: Service = only("base/service.yaml");
    assert_eq!(service.metadata.name, Some(settings.service));
    for ((_, name), file) in settings.configurations.iter().zip(CONFIGURATIONS) {
        assert_eq!(documents(file)[0]["metadata"]["name"], **name);
    }

    let rbac = documents("base/certificates.yaml");
    let (role, cluster): (Role, ClusterRole) = (typed(&rbac[0]), typed(&rbac[2]));
    assert_eq!(
        granted(role.rules.as_ref(), "secrets"),
        [
            may(&["get", "list", "update", "watch"], &settings.secret),
            may(&["create"], ""),
        ]
    );
    let owner = may(&["get"], "meshcheck-webhook-certificates");
    assert_eq!(granted(role.rules.as_ref(), "roles"), [owner]);
    let kinds = [
        "mutatingwebhookconfigurations",
        "validatingwebhookconfigurations",
    ];
    for ((_, name), resource) in settings.configurations.iter().zip(kinds) {
        let verbs = ["get", "list", "patch", "watch"];
        let granted = granted(cluster.rules.as_ref(), resource);
        assert_eq!(granted, [may(&verbs, name)]);
    }
    assert_eq!(role.rules.map(|rules| rules.len()), Some(3));
    assert_eq!(cluster.rules.map(|rules| rules.len()), Some(2));
}

#[test]
fn with_cert_manager_the_base_reads_files_and_may_write_no_certificate() {
    let overlay = documents("overlays/cert-manager/kustomization.yaml").remove(0);
    let patches = overlay["patches"].as_array().expect("patches");
    let of = |kind: &str| {
        let patch = patches.iter().find(|patch| patch["target"]["kind"] == kind);
        let text = patch.expect(kind)["patch"].as_str().expect("text");
        let stream = Stream::read(text.as_bytes(), &Options::default());
        stream.documents[0].value.clone()
    };
    let mut deployment = documents("base/deployment.yaml").remove(0);
    let patch: json_patch::Patch = serde_json::from_value(of("Deployment")).expect("a patch");
    json_patch::patch(&mut deployment, &patch).expect("it fits the base");
    let pod = pod(typed(&deployment));
    assert_eq!(pod.automount_service_account_token, Some(true));
    assert!(args(&pod).mesh.watch);
    let mount = &pod.containers[0].volume_mounts.as_ref().expect("mounts")[0];
    let source = args(&pod).certificate.source().expect("a source");
    let CertificateSource::Files(dir) = source else {
        panic!("{source:?}");
    };
    assert_eq!(dir, Path::new(&mount.mount_path));
    let volume = &pod.volumes.as_ref().expect("volumes")[0];
    assert_eq!(volume.name, mount.name);
    let secret = volume
        .secret
        .as_ref()
        .and_then(|one| one.secret_name.as_deref());
    let certificates = documents("overlays/cert-manager/certificate.yaml");
    let own = certificates
        .iter()
        .find(|one| one["metadata"]["name"] == "meshcheck-webhook");
    assert_eq!(
        secret,
        own.expect("a certificate")["spec"]["secretName"].as_str()
    );

    let rbac = patches
        .iter()
        .find(|patch| patch["target"]["group"] == "rbac.authorization.k8s.io");
    let target = &rbac.expect("a patch of permissions")["target"];
    for object in documents("base/certificates.yaml") {
        assert_eq!(object["metadata"]["name"], target["name"]);
    }
}

#[test]
fn the_base_may_read_what_is_watched_and_nothing_else() {
    assert!(args(&pod(only("base/deployment.yaml"))).mesh.watch);
    let role: ClusterRole = typed(&documents("base/mesh.yaml")[0]);
    let mut granted = Vec::new();
    for rule in role.rules.expect("rules") {
        assert_eq!(rule.verbs, ["get", "list", "watch"]);
        assert_eq!(rule.resource_names, None);
        for group in rule.api_groups.expect("groups") {
            let resources = rule.resources.iter().flatten();
            granted.extend(resources.map(|resource| (group.clone(), resource.clone())));
        }
    }
    let mut watched: Vec<_> = watch::permissions()
        .map(|(group, resource)| (group.to_owned(), resource.to_owned()))
        .collect();
    granted.sort();
    watched.sort();
    assert_eq!(granted, watched);
}
