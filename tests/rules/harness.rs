//! The harness itself: a page that is wrong does not pass.

use meshcheck_rules::Rule;

use crate::case::Config;
use crate::page::Page;
use crate::run::run;

const ISTIOD: &str = "\
kind: Deployment
apiVersion: apps/v1
metadata: {name: istiod}
spec:
  selector: {matchLabels: {app: istiod}}
  template:
    metadata: {labels: {app: istiod}}
    spec:
      containers:
      - name: discovery
        image: docker.io/istio/pilot:1.31.1
        args:
        - discovery
        - --keepaliveMaxServerConnectionAge=30m # error
";

fn rule() -> &'static Rule {
    meshcheck_rules::rules::find("keepalive-age-too-long").expect("a rule")
}

/// What is wrong with a page of these blocks.
fn problems(blocks: &[(&str, &str)]) -> Vec<String> {
    let blocks = blocks
        .iter()
        .map(|(kind, text)| format!("```{kind}\n{text}```\n"));
    let text = format!("# title\nsummary\n{}", blocks.collect::<String>());
    let page = Page::parse("page", &text).expect("a page");
    run(rule(), &page).problems
}

#[test]
fn a_right_page_passes() {
    let fixed = ISTIOD.replace("=30m", "=10m");
    let blocks = [
        ("yaml error", ISTIOD),
        ("yaml fixed", fixed.as_str()),
        ("yaml ok", fixed.as_str()),
    ];
    assert_eq!(problems(&blocks), Vec::<String>::new());
}

#[test]
fn a_wrong_page_does_not() {
    let unmarked = ISTIOD.replace(" # error", "");
    let too_many = ISTIOD.replace("- discovery\n", "- discovery # error\n");
    let mended = ISTIOD.replace("=30m", "=10m");
    let other = mended.replace("=10m", "=9m");
    let stranger = "kind: Service\napiVersion: v1\n";
    let wrong: &[&[(&str, &str)]] = &[
        &[("yaml error", &unmarked)],
        &[("yaml error", &too_many)],
        &[("yaml error", &mended)],
        &[("yaml error info", ISTIOD)],
        &[("yaml ok", ISTIOD)],
        &[("yaml ok", stranger)],
        &[("yaml ok", "a: [\n")],
        &[("yaml fixed", &mended)],
        &[("yaml error", ISTIOD), ("yaml fixed", &other)],
        &[("yaml error", ISTIOD), ("yaml fixed", ISTIOD)],
        &[("yaml config", "asof: \"2026-01-01\"\n")],
    ];
    for blocks in wrong {
        assert!(!problems(blocks).is_empty(), "{blocks:?}");
    }
}

#[test]
fn settings_are_read_or_refused() {
    let config = Config::read("asOf: \"2023-05-18\"\nkubernetesVersion: \"1.22\"\n");
    let config = config.expect("settings");
    assert_eq!(config.as_of.to_string(), "2023-05-18");
    assert!(config.settings.kubernetes.is_some());
    for text in [
        "kubernetesVersion: 1.30\n",
        "kubernetes: \"1.30\"\n",
        "istioVersion: \"new\"\n",
        "asOf: \"22.11.2026\"\n",
        "- asOf\n",
        "a: [\n",
    ] {
        assert!(Config::read(text).is_err(), "{text}");
    }
}

#[test]
fn pages_that_cannot_be_read_are_refused() {
    for text in ["```yaml\na: 1\n```\n", "```yaml ok\na: 1\n", "```json\n"] {
        assert!(Page::parse("page", text).is_err(), "{text}");
    }
}
