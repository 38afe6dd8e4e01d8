//! oneM2M names for GBA keys (TS-0003).
