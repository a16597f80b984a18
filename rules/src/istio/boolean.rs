//! Booleans in texts (annotations, environment variables) as Go's `strconv.ParseBool` reads them, which
//! is what Istio does.

/// Reads a boolean; `None` for any other text, where Istio takes its default.
pub fn parse(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}
