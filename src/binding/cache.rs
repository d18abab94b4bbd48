//! Binding of the room `cache`.
