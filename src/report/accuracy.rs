//! How often the verdicts would have been right, for the report: what the user did with his mail of the past, by the
//! bucket it would have gone to.

use std::fmt::Write as _;

use super::escape::escape;
use super::stats::ByBucket;
use crate::sort::bucket::Bucket;

/// Buried messages that are named; the rest is counted.
const NAMED: usize = 20;

/// What a replay of the past came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Accuracy {
    /// The result in sentences.
    pub sentences: Vec<String>,
    /// What the user did, in our own words, with the messages by bucket.
    pub rows: Vec<(&'static str, ByBucket)>,
    /// Messages he answered that would have left his sight: sender, bucket, why.
    pub buried: Vec<(String, Bucket, String)>,
}

impl Accuracy {
    /// A section of the page.
    pub(super) fn section(&self, page: &mut String) {
        page.push_str("<section><h2>How often it would have been right</h2>\n");
        for sentence in &self.sentences {
            let _ = writeln!(page, "<p>{}</p>", escape(sentence));
        }
        let mut all = ByBucket::default();
        for (_, counts) in &self.rows {
            all.add(counts);
        }
        let columns: Vec<Bucket> = all.each().map(|(bucket, _)| bucket).collect();
        page.push_str("<table><tr><th>what you did");
        for bucket in &columns {
            let _ = write!(page, "<th class=\"number\">{bucket}");
        }
        page.push('\n');
        for (words, counts) in &self.rows {
            let _ = write!(page, "<tr><td>{words}");
            for bucket in &columns {
                let _ = write!(page, "<td class=\"number\">{}", counts.of(*bucket));
            }
            page.push('\n');
        }
        page.push_str("</table>\n");
        if !self.buried.is_empty() {
            page.push_str("<p>You answered these, and they would have left the inbox:</p>\n<table>\n");
            for (from, bucket, why) in self.buried.iter().take(NAMED) {
                let (from, why) = (escape(from), escape(why));
                let _ = writeln!(
                    page,
                    "<tr><td class=\"name\">{from}<td>{bucket}<td class=\"name\">{why}"
                );
            }
            page.push_str("</table>\n");
            if self.buried.len() > NAMED {
                let _ = writeln!(page, "<p class=\"quiet\">and {} more</p>", self.buried.len() - NAMED);
            }
        }
        page.push_str("</section>\n");
    }
}
