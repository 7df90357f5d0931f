//! What the headers say by themselves. (being built)

/// The marks of one message.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evidence {
    /// It went through a mailing list (any list header, List-Id or equivalent).
    pub list: bool,
    /// It is mass mail: newsletter, marketing, bulk.
    pub bulk: bool,
    /// A machine wrote it.
    pub automatic: bool,
    /// The provider's own filter calls it spam.
    pub spam: bool,
}
