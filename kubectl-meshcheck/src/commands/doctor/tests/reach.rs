//! What the two objects tell.

use super::super::snapshot::{Counts, Way};
use super::*;

fn counts(answered: u64, failed_open: u64) -> Counts {
    Counts {
        answered,
        failed_open,
    }
}

fn refused_with(message: &str) -> Vec<String> {
    let mut snapshot = healthy();
    snapshot.probes.refused = Ok(refused(message));
    said(&snapshot, "reachability")
}

#[test]
fn the_reason_of_the_api_server_is_told() {
    let said = refused_with(
        "Internal error occurred: failed calling webhook \"validate.meshcheck.dev\": failed to call \
         webhook: Post \"https://meshcheck-webhook.meshcheck-system.svc:443/validate?timeout=3s\": \
         tls: failed to verify certificate: x509: certificate has expired",
    );
    assert_eq!(
        said[1],
        format!(
            "error: {VALIDATING}: the API server gets no answer from it: tls: failed to verify \
             certificate: x509: certificate has expired"
        )
    );
}

/// Fail-open is silent: what the API server counts is not.
#[test]
fn what_passed_unseen_is_an_error() {
    let of = |counts| {
        let mut snapshot = healthy();
        snapshot.probes.patched = Ok(Tried {
            counts,
            ..patched("8760h")
        });
        said(&snapshot, "reachability").remove(0)
    };
    assert_eq!(
        of(Some(counts(0, 1))),
        format!("error: {MUTATING}: the API server gets no answer from it")
    );
    assert_eq!(
        of(Some(counts(0, 0))),
        format!("error: {MUTATING}: was not asked about an object tried in namespace default")
    );
    assert_eq!(
        of(Some(counts(1, 0))),
        format!(
            "warning: {MUTATING}: was reached, and did not mend an istiod whose connections live for a \
             year, tried in namespace default"
        )
    );
    assert_eq!(
        of(None),
        format!(
            "error: {MUTATING}: was not reached by an object tried in namespace default, which came \
             back untouched"
        )
    );
}

#[test]
fn an_object_that_was_let_pass_is_an_error() {
    let mut snapshot = healthy();
    snapshot.probes.refused = Ok(Tried {
        status: 201,
        ..refused("")
    });
    snapshot.probes.way = Some(Way::Closed("no endpoints available".to_owned()));
    let (check, problem) = problem(&snapshot);
    assert_eq!((check, problem.at.as_str()), ("reachability", VALIDATING));
    assert!(
        problem.help.ends_with("it says: no endpoints available"),
        "{problem:?}"
    );
}

/// What `/validate` refuses, `/mutate` did not mend.
#[test]
fn a_refusal_of_what_should_be_mended_tells_of_the_other() {
    let mut snapshot = healthy();
    let message = "admission webhook \"validate.meshcheck.dev\" denied the request: no";
    snapshot.probes.patched = Ok(Tried {
        counts: Some(counts(0, 1)),
        ..refused(message)
    });
    let (_, problem) = problem(&snapshot);
    assert_eq!(
        (problem.at.as_str(), problem.message.as_str()),
        (MUTATING, "the API server gets no answer from it")
    );
}

#[test]
fn one_that_fails_hides_the_other() {
    let mut snapshot = healthy();
    let failed = "failed calling webhook \"validate.meshcheck.dev\": no";
    snapshot.probes.patched = Ok(refused(failed));
    snapshot.probes.refused = Ok(refused(failed));
    let said = said(&snapshot, "reachability");
    assert!(said[0].starts_with("skipped: "), "{said:?}");
    assert!(said[1].starts_with("error: "), "{said:?}");
}

#[test]
fn a_refusal_of_somebody_else_tells_nothing() {
    for message in [
        "deployments.apps is forbidden: User \"me\" cannot create resource \"deployments\"",
        "admission webhook \"validation.gatekeeper.sh\" denied the request: no",
        "admission webhook \"a.b\" does not support dry run",
    ] {
        let said = refused_with(message);
        assert_eq!(
            said[1],
            format!("unknown: an object could not be tried in namespace default: {message}")
        );
    }
}

/// A policy may say so: it is told, and is no error.
#[test]
fn a_webhook_that_only_warns_is_reached() {
    let warned = |text: &str| {
        let mut snapshot = healthy();
        snapshot.probes.patched = Ok(Tried {
            warnings: vec![text.to_owned()],
            ..patched("8760h")
        });
        snapshot.probes.refused = Ok(Tried {
            status: 201,
            warnings: vec!["meshcheck version-unsupported: out of support".to_owned()],
            ..refused("")
        });
        said(&snapshot, "reachability")
    };
    let told =
        warned("meshcheck advises for keepalive-age-unbounded: set the connection age to 10m");
    assert!(
        told[0].starts_with(&format!("info: {MUTATING}: was reached, warned, ")),
        "{told:?}"
    );
    assert!(
        told[1].starts_with(&format!("info: {VALIDATING}: was reached, warned, ")),
        "{told:?}"
    );
    // What the other one says tells nothing of this one.
    let told = warned("meshcheck keepalive-age-unbounded: a day or more");
    assert!(told[0].starts_with("error: "), "{told:?}");
    let late = warned("meshcheck did not check this: no answer within 800ms");
    assert!(
        late[0].ends_with("meshcheck did not check this: no answer within 800ms"),
        "{late:?}"
    );
}

/// Where a policy mends Pods alone.
#[test]
fn a_mended_pod_is_as_good() {
    let pod = |age: &str| {
        let args = ["discovery", "--keepaliveMaxServerConnectionAge", age];
        json!({"kind": "Pod", "spec": {"containers": [{"args": args}]}})
    };
    let mut snapshot = healthy();
    snapshot.probes.patched = Ok(Tried {
        sent: pod("8760h"),
        stored: pod("10m"),
        ..patched("10m")
    });
    assert_eq!(problems(&snapshot), []);
}
