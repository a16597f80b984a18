//! What an object is in a mesh.

pub mod duration;
pub mod values;
pub mod version;

use crate::object::Object;

/// What an object is in a mesh.
#[derive(Debug)]
pub struct Subject<'a> {
    object: &'a Object<'a>,
}

impl<'a> Subject<'a> {
    /// Looks at an object.
    pub fn of(object: &'a Object<'a>) -> Self {
        Self { object }
    }
}
