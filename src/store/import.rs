//! Subscriber files.
