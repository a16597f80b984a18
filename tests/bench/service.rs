//! Manifests as a company's repository has them: the same text for the same index on every machine.

use std::fmt::Write as _;

const SEED: u64 = 0x6d65_7368_6368_6563;

/// Teams, which are namespaces too.
pub(crate) const TEAMS: &[&str] = &[
    "payments",
    "identity",
    "catalogue",
    "logistics",
    "search",
    "reporting",
];
const NOUNS: &[&str] = &[
    "ledger", "checkout", "session", "basket", "invoice", "parcel", "profile", "quota", "digest",
    "router",
];
const VARIABLES: &[(&str, &str)] = &[
    ("LOG_LEVEL", "info"),
    (
        "DATABASE_URL",
        "postgres://db.internal/main?sslmode=require",
    ),
    ("CACHE_TTL_SECONDS", "\"300\""),
    ("FEATURE_FAST_PATH", "\"true\""),
    ("JAVA_TOOL_OPTIONS", "'-XX:MaxRAMPercentage=75 -Xlog:gc'"),
];
const CPU: &[&str] = &["50m", "100m", "250m", "500m", "1"];
const MEMORY: &[&str] = &["64Mi", "128Mi", "256Mi", "512Mi", "1Gi"];

/// One service of the mesh: its Deployment and its Service, as people write them.
pub(crate) fn text(index: usize) -> String {
    let mut dice = Dice::new(index);
    let team = *dice.pick(TEAMS);
    let name = format!("{}-{index:05}", dice.pick(NOUNS));
    let port = 8000 + dice.below(1000);
    let replicas = 1 + dice.below(6);
    let tag = format!("{}.{}.{}", dice.below(4), dice.below(40), dice.below(12));
    let (cpu, memory) = (dice.pick(CPU), dice.pick(MEMORY));
    let variables = environment(&mut dice);
    format!(
        "\
# {name} of team {team}: see the runbook before scaling it
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  namespace: {team}
  labels:
    app: {name}
spec:
  replicas: {replicas}
  selector:
    matchLabels:
      app: {name}
  template:
    metadata:
      labels:
        app: {name}
        sidecar.istio.io/inject: \"true\"
    spec:
      containers:
        - name: app
          image: registry.example.com/{team}/{name}:{tag}
          ports:
            - name: http
              containerPort: {port}
          env:
{variables}          readinessProbe:
            httpGet:
              path: /healthz # answers once the caches are warm
              port: http
            periodSeconds: 5
          resources:
            requests:
              cpu: {cpu}
              memory: {memory}
            limits:
              memory: {memory}
---
apiVersion: v1
kind: Service
metadata:
  name: {name}
  namespace: {team}
spec:
  selector:
    app: {name}
  ports:
    - name: http
      port: 80
      targetPort: http
"
    )
}

fn environment(dice: &mut Dice) -> String {
    let mut lines = String::new();
    for (name, value) in VARIABLES {
        if dice.below(2) == 0 {
            continue;
        }
        let _ = writeln!(
            lines,
            "            - name: {name}\n              value: {value}"
        );
    }
    if lines.is_empty() {
        lines.push_str("            []\n");
    }
    lines
}

/// `SplitMix64`: numbers that look random and are the same everywhere.
struct Dice(u64);

impl Dice {
    fn new(index: usize) -> Self {
        Self(SEED ^ (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).expect("below a usize")
    }

    fn pick<'t, T>(&mut self, items: &'t [T]) -> &'t T {
        &items[self.below(items.len())]
    }
}
