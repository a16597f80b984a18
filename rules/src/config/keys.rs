//! What a policy may hold. The one place that says it.

use super::scalar::{LEVELS, MEND_AT, MODES};
use super::shape::{Field, Names, Shape};
use super::{API_VERSION, KIND};

/// A key of the policy, for its documentation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// `keepalive.max`; `[]` stands for each item of a list.
    pub path: String,
    /// What it takes.
    pub takes: String,
    /// What holds without it; `None` where it must be there.
    pub default: Option<&'static str>,
    /// What it does.
    pub about: &'static str,
}

/// The whole policy.
pub(super) static POLICY: Shape = Shape::Record(&[
    Field::required(
        "apiVersion",
        "version of this format",
        Shape::Exactly(API_VERSION),
    ),
    Field::required("kind", "always `Policy`", Shape::Exactly(KIND)),
    Field::new(
        "rules",
        "level of a rule: `off` has it not run, the others are the severity of all its findings; an \
         info that says what could not be judged stays one",
        "each rule's own",
        Shape::Map(Names::Rules, &LEVEL),
    ),
    Field::new(
        "keepalive",
        "ages of istiod's connections",
        "",
        Shape::Record(KEEPALIVE),
    ),
    Field::new("version", "versions of Istio", "", Shape::Record(VERSION)),
    Field::new(
        "vendors",
        "by what the support of a vendor's build is judged",
        "",
        Shape::Record(VENDORS),
    ),
    Field::new(
        "forbid_ignore",
        "rules that no annotation may ignore; `ignores` of the policy still may",
        "none",
        Shape::List(&Shape::Rule),
    ),
    Field::new(
        "ignores",
        "findings that are left out; every selector that is given must fit",
        "none",
        Shape::List(&Shape::Record(IGNORE)),
    ),
    Field::new(
        "webhook",
        "what the webhook does with what it finds",
        "",
        Shape::Record(WEBHOOK),
    ),
]);

const LEVEL: Shape = Shape::OneOf(&LEVELS);
const MODE: Shape = Shape::OneOf(&MODES);

const KEEPALIVE: &[Field] = &[
    Field::new(
        "max",
        "the longest age that is not `keepalive-age-too-long`; below 24h",
        "10m",
        Shape::Duration,
    ),
    Field::new(
        "min",
        "the shortest age that is not `keepalive-age-too-short`; under half of it is an error",
        "2m",
        Shape::Duration,
    ),
    Field::new(
        "target",
        "what a fix sets",
        "10m, within `min` and `max`",
        Shape::Duration,
    ),
];

const VERSION: &[Field] = &[
    Field::new(
        "warn_days",
        "days before the end of support from which it is `version-ending-soon`",
        "45",
        Shape::Whole {
            least: 0,
            most: 3650,
        },
    ),
    Field::new(
        "cvss_error",
        "CVSS score from which `version-vulnerable` is an error",
        "9.0",
        Shape::Decimal {
            least: 0.0,
            most: 10.0,
        },
    ),
    Field::new(
        "table_max_age_days",
        "days after which the release table is `release-data-stale`",
        "120",
        Shape::Whole {
            least: 0,
            most: 3650,
        },
    ),
];

const VENDORS: &[Field] = &[
    Field::new("asm", "Google's builds", "info", VENDOR),
    Field::new("solo", "Solo.io's builds", "info", VENDOR),
    Field::new("tetrate", "Tetrate's builds", "info", VENDOR),
    Field::new("aks", "builds of Microsoft's AKS add-on", "info", VENDOR),
    Field::new("openshift", "Red Hat's builds", "info", VENDOR),
];

const VENDOR: Shape = Shape::WordOr(
    &[
        ("ignore", "its end of support is not judged"),
        ("info", "judged by upstream's dates, and an info only"),
        (
            "upstream",
            "judged by upstream's dates, as upstream's builds are",
        ),
    ],
    &Shape::Record(&[Field::required(
        "until",
        "the last day of support by minor; what is not listed is judged by upstream's dates",
        Shape::Map(Names::Minors, &Shape::Date),
    )]),
);

const IGNORE: &[Field] = &[
    Field::required(
        "rule",
        "whose findings are left out",
        Shape::OneOrMore(&Shape::Rule),
    ),
    Field::required("reason", "why: people will ask", Shape::Text),
    Field::new(
        "until",
        "the last day on which it counts",
        "for ever",
        Shape::Date,
    ),
    Field::new(
        "file",
        "files and folders, from the policy's folder on, `*` and `**` as in .gitignore",
        "any",
        Shape::OneOrMore(&Shape::Glob),
    ),
    NAMESPACE,
    OF_KIND,
    NAME,
    LABELS,
];

const NAMESPACE: Field = Field::new(
    "namespace",
    "namespaces as documents name them, `*` allowed",
    "any",
    Shape::OneOrMore(&Shape::Glob),
);

const OF_KIND: Field = Field::new(
    "kind",
    "kinds, such as `Deployment`",
    "any",
    Shape::OneOrMore(&Shape::ObjectKind),
);

const NAME: Field = Field::new(
    "name",
    "names, `*` allowed",
    "any",
    Shape::OneOrMore(&Shape::Glob),
);

const LABELS: Field = Field::new(
    "labels",
    "labels that the object has, all of them",
    "any",
    Shape::Map(Names::Any, &Shape::Text),
);

const WEBHOOK: &[Field] = &[
    Field::new(
        "mode",
        "`enforce` refuses errors and mends, `warn` tells instead, `audit` tells nobody and keeps it in \
         the audit log, `off` has no rule run",
        "enforce",
        MODE,
    ),
    Field::new(
        "modes",
        "modes of rules and objects; the first entry that fits decides, else `webhook.mode`",
        "none",
        Shape::List(&Shape::Record(MODE_ENTRY)),
    ),
    Field::new(
        "mutate",
        "how objects are mended",
        "",
        Shape::Record(MUTATE),
    ),
    Field::new(
        "break_glass",
        "the annotation with which errors pass in an emergency",
        "",
        Shape::Record(BREAK_GLASS),
    ),
];

const MODE_ENTRY: &[Field] = &[
    Field::required("mode", "the mode that holds", MODE),
    Field::new(
        "rule",
        "of which rules",
        "all",
        Shape::OneOrMore(&Shape::Rule),
    ),
    NAMESPACE,
    OF_KIND,
    NAME,
    LABELS,
];

const MUTATE: &[Field] = &[
    Field::new(
        "at",
        "`workload` mends what is applied, `pod` mends Pods alone, when they are made, `auto` takes \
         `pod` for objects of Argo CD and Flux",
        "auto",
        Shape::OneOf(&MEND_AT),
    ),
    Field::new(
        "advise",
        "whether nothing is mended and each patch is told as a warning instead",
        "false",
        Shape::Bool,
    ),
];

const BREAK_GLASS: &[Field] = &[
    Field::new(
        "allow",
        "whether `meshcheck.dev/break-glass` counts",
        "false",
        Shape::Bool,
    ),
    NAMESPACE,
    Field::new(
        "group",
        "groups of users, one of which must have whoever asks, `*` allowed",
        "any",
        Shape::OneOrMore(&Shape::Glob),
    ),
    Field::new(
        "forbid",
        "rules whose errors are refused all the same",
        "none",
        Shape::List(&Shape::Rule),
    ),
    Field::new(
        "max_days",
        "how many days ahead `until` may lie",
        "7",
        Shape::Whole {
            least: 0,
            most: 365,
        },
    ),
];

/// All keys, in the order of the declaration.
pub fn keys() -> Vec<Key> {
    let mut keys = Vec::new();
    collect(&POLICY, "", &mut keys);
    keys
}

fn collect(shape: &'static Shape, path: &str, keys: &mut Vec<Key>) {
    match shape {
        Shape::Record(fields) => {
            for field in *fields {
                let dot = if path.is_empty() { "" } else { "." };
                let path = format!("{path}{dot}{}", field.name);
                if !matches!(field.shape, Shape::Record(_)) {
                    keys.push(Key {
                        path: path.clone(),
                        takes: field.shape.to_string(),
                        default: field.default,
                        about: field.about,
                    });
                }
                collect(&field.shape, &path, keys);
            }
        }
        Shape::List(item) => collect(item, &format!("{path}[]"), keys),
        // Five vendors take the same: what that is stands once.
        Shape::WordOr(_, other) if path.ends_with("openshift") => {
            collect(other, &path.replace("openshift", "VENDOR"), keys);
        }
        _ => {}
    }
}
