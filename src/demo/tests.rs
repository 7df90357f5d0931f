//! Tests of the server's handle, its faults and the story, over real sockets.

mod client;
mod faults;
mod limits;
mod story;
