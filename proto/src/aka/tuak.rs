//! TUAK (TS 35.231).
