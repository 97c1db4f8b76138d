//! stub
#[derive(Clone,Debug)] pub struct RenderedMail{}
pub fn render(){}
