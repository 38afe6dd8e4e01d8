//! ksnaf.
