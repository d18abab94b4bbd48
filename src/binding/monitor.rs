//! Binding of the room `monitor`.
