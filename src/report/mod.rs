//! (being built)
pub mod stats;
