//! Binding of the room `scoring`.
