//! (module under way)
