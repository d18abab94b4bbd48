//! Binding of the room `stats`.
