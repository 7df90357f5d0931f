//! Conversations with scripted servers in memory, and one with a real server when asked for.

mod hostile;
mod live;
mod reader;
mod script;
