//! Binding of the room `limiter`.
