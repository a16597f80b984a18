//! Reads a body up to a limit.

use axum::body::Body;
use http_body_util::BodyExt as _;

/// How often over the limit a body is still read to its end and thrown away. A client that is cut
/// off while it writes does not see the answer that says why.
const PATIENCE: usize = 4;

/// Why a body was not read.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Over the limit.
    #[error("the body is larger than the limit of {0} bytes")]
    TooLarge(usize),
    /// The connection or the framing broke.
    #[error("the body could not be read: {0}")]
    Broken(#[source] axum::Error),
}

/// The whole body, if it is not larger than `limit`.
pub async fn read(mut body: Body, limit: usize) -> Result<Vec<u8>, BodyError> {
    let hint = axum::body::HttpBody::size_hint(&body);
    let announced = usize::try_from(hint.lower()).unwrap_or(usize::MAX);
    let mut bytes = Vec::with_capacity(announced.min(limit));
    let mut seen = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(BodyError::Broken)?;
        let Some(data) = frame.data_ref() else {
            continue;
        };
        seen = seen.saturating_add(data.len());
        if seen > limit {
            bytes = Vec::new();
            if seen > limit.saturating_mul(PATIENCE) {
                break;
            }
        } else {
            bytes.extend_from_slice(data);
        }
    }
    if seen > limit {
        return Err(BodyError::TooLarge(limit));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn takes_what_fits() {
        for (sent, limit, fits) in [(0, 0, true), (8, 8, true), (9, 8, false), (99, 8, false)] {
            let body = vec![b'x'; sent];
            match read(Body::from(body.clone()), limit).await {
                Ok(read) => assert!(fits && read == body, "{sent} of {limit}"),
                Err(error) => assert!(!fits && error.to_string().contains("limit of 8 bytes")),
            }
        }
    }
}
