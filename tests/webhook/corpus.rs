//! Real manifests, asked about as the API server would.

use std::fs;
use std::path::{Path, PathBuf};

use meshcheck_rules::Object;
use meshcheck_rules::yaml::{Options, Stream};
use serde_json::Value;

use crate::reviews::{creation, patch, patched};
use crate::server::Server;

/// Every object of every manifest below `folder`.
pub(crate) fn objects(folder: &Path) -> Vec<(PathBuf, Value)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(objects(&path));
            continue;
        }
        if path
            .extension()
            .is_none_or(|name| name != "yaml" && name != "yml" && name != "json")
        {
            continue;
        }
        let stream = Stream::read(&fs::read(&path).expect("a file"), &Options::default());
        for document in &stream.documents {
            let all = Object::all(&document.value);
            // Files of installers have no kind, and no API server ever sees them.
            let objects = all.iter().filter(|object| {
                let value = object.root.value();
                ["apiVersion", "kind"]
                    .iter()
                    .all(|key| value[*key].is_string())
            });
            found.extend(objects.map(|object| (path.clone(), object.root.value().clone())));
        }
    }
    found
}

#[tokio::test]
async fn what_it_patched_it_does_not_patch_again() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures");
    let server = Server::new();
    let (mut asked, mut mended) = (0, 0);
    for (path, object) in objects(&fixtures) {
        asked += 1;
        let review = creation(&object);
        let response = server.ask("/mutate", &review).await;
        assert_eq!(response["allowed"], true, "{}", path.display());
        let refused = server.ask("/validate", &review).await;
        if patch(&response).is_empty() {
            continue;
        }
        mended += 1;
        assert!(response["warnings"].is_array(), "{}", path.display());
        let better = creation(&patched(&object, &response));
        let again = server.ask("/mutate", &better).await;
        assert_eq!(patch(&again), Vec::<Value>::new(), "{}", path.display());
        let accepted = server.ask("/validate", &better).await;
        assert_ne!(
            accepted,
            refused,
            "{}: the patch mends nothing",
            path.display()
        );
    }
    assert!(asked > 300 && mended > 20, "{mended} mended of {asked}");
}
