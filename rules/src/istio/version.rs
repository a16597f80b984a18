//! Versions of Istio and of Kubernetes, and what an image tag says of them.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A minor release: `1.31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minor {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
}

impl Minor {
    /// `1.minor`.
    pub const fn one(minor: u32) -> Self {
        Self { major: 1, minor }
    }

    /// The minor so many releases later.
    #[must_use]
    pub const fn later(self, releases: u32) -> Self {
        Self {
            minor: self.minor.saturating_add(releases),
            ..self
        }
    }

    /// A number that is greater for a later minor.
    pub fn ordinal(self) -> i64 {
        (i64::from(self.major) << 32) + i64::from(self.minor)
    }

    /// Reads `1.31`, and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        Some(Self {
            major: number(major)?,
            minor: number(minor)?,
        })
    }
}

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// A version of Istio: `1.31` or `1.31.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The minor release.
    pub minor: Minor,
    /// The patch, where it is said.
    pub patch: Option<u32>,
}

impl Version {
    /// Reads `X.Y` or `X.Y.Z`, with or without a `v` in front.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix(['v', 'V']).unwrap_or(text);
        let mut parts = text.split('.');
        let minor = Minor {
            major: number(parts.next()?)?,
            minor: number(parts.next()?)?,
        };
        let patch = parts
            .next()
            .map(|patch| number(patch).ok_or(()))
            .transpose()
            .ok()?;
        parts.next().is_none().then_some(Self { minor, patch })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.minor)?;
        self.patch.map_or(Ok(()), |patch| write!(f, ".{patch}"))
    }
}

/// A version of Kubernetes, of which only the minor matters here: `1.33` of `v1.33.4-gke.100`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KubernetesVersion(pub Minor);

impl KubernetesVersion {
    /// `1.minor`.
    pub const fn one(minor: u32) -> Self {
        Self(Minor::one(minor))
    }

    /// Reads `1.33`, `v1.33.4`, `v1.33.4-gke.100`, `v1.33.4+k3s1`, `1.33+`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let (major, rest) = text.split_once('.')?;
        let (minor, tail) = split_digits(rest);
        let fits = tail.is_empty() || tail.starts_with(['.', '-', '+']);
        let version = Minor {
            major: number(major)?,
            minor: number(minor)?,
        };
        fits.then_some(Self(version))
    }
}

impl fmt::Display for KubernetesVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Written and read as the text that people write.
macro_rules! as_text {
    ($version:ty, $expected:literal) => {
        impl Serialize for $version {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $version {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| {
                    de::Error::custom(format!(concat!("{:?} is no ", $expected), text))
                })
            }
        }
    };
}

as_text!(Version, "version such as 1.31 or 1.31.1");
as_text!(KubernetesVersion, "Kubernetes version such as 1.33");

fn number(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions() {
        let version = |minor, patch| {
            Some(Version {
                minor: Minor::one(minor),
                patch,
            })
        };
        assert_eq!(Version::parse("1.31.1"), version(31, Some(1)));
        assert_eq!(Version::parse("v1.7"), version(7, None));
        for text in [
            "1",
            "1.",
            "1.x",
            "1.2.3.4",
            "latest",
            "1.2.3-rc.1",
            "+1.2",
            "1.-2",
            "",
        ] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }

    #[test]
    fn reads_kubernetes_versions() {
        for text in [
            "1.33",
            "v1.33.4",
            "v1.33.4-gke.100",
            "1.33+",
            "v1.33.4+k3s1",
        ] {
            assert_eq!(
                KubernetesVersion::parse(text),
                Some(KubernetesVersion::one(33)),
                "{text}"
            );
        }
        for text in ["", "1", "v1.x", "latest", "1.33a"] {
            assert_eq!(KubernetesVersion::parse(text), None, "{text}");
        }
    }
}
