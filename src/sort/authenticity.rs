//! Whether the provider vouches for the From address (RFC 8601). (being built)

use serde::{Deserialize, Serialize};

/// What the provider's own Authentication-Results say about the From domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Authentication {
    /// dmarc=pass, or dkim=pass aligned with the From domain.
    Pass,
    /// The provider found a forgery.
    Fail,
    /// No verdict of the provider's own.
    #[default]
    None,
}
