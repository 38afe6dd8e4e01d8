//! Simulated USIM.
