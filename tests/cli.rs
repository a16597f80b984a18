//! The program, run as people run it.
