//! stub
#[derive(Clone,Debug,Default)] pub struct Delivered{}
#[derive(Clone,Debug)] pub struct Postman;
