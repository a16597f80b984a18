//! Whether a text can hold a fact at all, told from its bytes.

use memchr::memmem;

use super::Mesh;

/// Kinds of objects that hold facts whatever they are called: they stand in the text as words.
const WORDS: [&str; 3] = ["Namespace", "ConfigMap", "Node"];

/// Parts of names and images by which a control plane is known.
const PARTS: [&str; 3] = ["discovery", "istiod", "pilot"];

impl Mesh {
    /// Whether a file with these bytes may hold an object that [`Mesh::may_learn_from`]. Says yes
    /// where it cannot be sure: most files mention nothing of it, and need not be parsed for it.
    pub fn may_mention_facts(text: &[u8]) -> bool {
        is_not_plain(text)
            || PARTS.iter().any(|part| memmem::find(text, part.as_bytes()).is_some())
            || WORDS.iter().any(|word| holds_word(text, word.as_bytes()))
    }
}

/// Whether letters may be written as something else: UTF-16 (which has zero bytes), escapes with
/// numbers, and escaped line ends, which join what stands on two lines.
fn is_not_plain(text: &[u8]) -> bool {
    let escapes = memchr::memchr_iter(b'\\', text).any(|at| {
        matches!(
            text.get(at + 1),
            Some(b'x' | b'u' | b'U' | b'\n' | b'\r')
        )
    });
    escapes || memchr::memchr(0, text).is_some()
}

fn holds_word(text: &[u8], word: &[u8]) -> bool {
    let letter = |at: Option<usize>| {
        at.and_then(|at| text.get(at))
            .is_some_and(u8::is_ascii_alphanumeric)
    };
    memmem::find_iter(text, word)
        .any(|at| !letter(at.checked_sub(1)) && !letter(Some(at + word.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sees_what_may_hold_a_fact() {
        for text in [
            "kind: Namespace\n",
            r#"{"kind":"ConfigMap"}"#,
            "kind: Node",
            "image: gcr.io/istio-release/pilot:1.2.3",
            "name: discovery",
            r#"kind: "Name\x73pace""#,
            r#"kind: "Name\u0073pace""#,
            "kind: \"Name\\\n  space\"",
        ] {
            assert!(Mesh::may_mention_facts(text.as_bytes()), "{text}");
        }
        let utf16: Vec<u8> = "kind: Namespace".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(Mesh::may_mention_facts(&utf16));
    }

    #[test]
    fn passes_over_what_holds_none() {
        for text in [
            "kind: Service\nspec: {type: NodePort}\nmetadata: {namespace: x}\n",
            "kind: Deployment\nmetadata: {labels: {\"sidecar.istio.io/inject\": \"true\"}}\n",
            r#"pattern: "\\d+\.\d+""#,
            "",
        ] {
            assert!(!Mesh::may_mention_facts(text.as_bytes()), "{text}");
        }
    }
}
