//! Binding of the room `stream`.
