//! The mesh as seen from one object.

use crate::mesh::{Mesh, Place};
use crate::object::Object;

/// The mesh as seen from one object.
#[derive(Debug)]
pub struct Around<'a> {
    mesh: &'a Mesh,
    object: &'a Object<'a>,
    place: Place<'a>,
}

/// Enrolment.
#[derive(Debug)]
pub struct Enrolment {}

impl<'a> Around<'a> {
    pub(super) fn new(mesh: &'a Mesh, object: &'a Object<'a>, place: Place<'a>) -> Self {
        Self {
            mesh,
            object,
            place,
        }
    }
}
