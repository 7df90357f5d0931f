//! Conversations with scripted servers in memory, and one with a real server when asked for.

mod certificates;
mod hostile;
mod live;
mod logins;
mod moving;
mod naming;
mod reader;
mod script;
mod watching;
