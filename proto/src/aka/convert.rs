//! Conversion functions c1 to c5 (TS 33.102 clause 6.8).
