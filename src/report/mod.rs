//! What Postroom tells in long form: counts over the ledger, the digest mail, the HTML page. Reads the store, writes nothing;
//! every foreign string goes through [`escape`] on its way into HTML.

pub mod accuracy;
pub mod chart;
pub mod digest;
pub mod escape;
pub mod letter;
pub mod metrics;
pub mod page;
pub mod stats;
pub mod suggestion;
