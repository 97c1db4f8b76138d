//! stub
#[derive(Clone,Debug,Default)] pub struct MailTexts{}
#[derive(Clone,Debug)] pub struct TextsError;
