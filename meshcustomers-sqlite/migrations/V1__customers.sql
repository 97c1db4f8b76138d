-- All names begin with mc_, so that a guest never meets a host's table.
-- Integers inside, 16-byte public ids outside; times are milliseconds since 1970.

CREATE TABLE mc_instance (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    link_epoch BLOB NOT NULL CHECK (length(link_epoch) = 32)
) STRICT;

CREATE TABLE mc_key_check (
    number INTEGER PRIMARY KEY CHECK (number BETWEEN 0 AND 255),
    check_value BLOB NOT NULL CHECK (length(check_value) = 32),
    -- Whether it ever was the one that makes links and seals (R-TOK-2).
    has_made INTEGER NOT NULL CHECK (has_made IN (0, 1))
) STRICT;

-- That the database was a restored backup and was adopted: by whom and why (R-TOK-5).
CREATE TABLE mc_adoption (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    program TEXT NOT NULL CHECK (program <> ''),
    person TEXT NOT NULL CHECK (person <> ''),
    reason TEXT NOT NULL CHECK (length(reason) BETWEEN 1 AND 500)
) STRICT;

CREATE TABLE mc_user (
    id INTEGER PRIMARY KEY,
    public_id BLOB NOT NULL UNIQUE CHECK (length(public_id) = 16),
    name TEXT NOT NULL CHECK (name <> ''),
    sort_key TEXT NOT NULL,
    address TEXT NOT NULL CHECK (address LIKE '_%@_%'),
    email_key TEXT NOT NULL CHECK (email_key LIKE '_%@_%'),
    verified INTEGER NOT NULL CHECK (verified IN (0, 1)),
    language TEXT NOT NULL CHECK (length(language) BETWEEN 2 AND 16),
    state TEXT NOT NULL CHECK (state IN ('enabled', 'disabled')),
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 0)
) STRICT;

-- Only verified addresses are unique: a claim reserves nothing (R-USR-1).
CREATE UNIQUE INDEX mc_user_verified ON mc_user (email_key) WHERE verified = 1;

-- The host's ids stand here only.
CREATE TABLE mc_user_host (
    host_id TEXT PRIMARY KEY CHECK (host_id <> ''),
    user INTEGER NOT NULL UNIQUE REFERENCES mc_user (id)
) STRICT, WITHOUT ROWID;

CREATE TABLE mc_customer (
    id INTEGER PRIMARY KEY,
    public_id BLOB NOT NULL UNIQUE CHECK (length(public_id) = 16),
    identifier TEXT NOT NULL CHECK (length(identifier) BETWEEN 2 AND 63 AND identifier NOT GLOB '*[^a-z0-9-]*'),
    name TEXT NOT NULL CHECK (name <> ''),
    sort_key TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('standard', 'partner', 'administrator')),
    status TEXT NOT NULL CHECK (status IN (
        'waiting_approval', 'waiting_confirmation', 'waiting_both', 'active', 'disabled',
        'rejected', 'withdrawn', 'lapsed', 'deleted')),
    partner INTEGER REFERENCES mc_customer (id),
    created_at INTEGER NOT NULL,
    -- When its registration was made; NULL: somebody else created it. It stands here, so that the queue of those that
    -- wait is one index.
    registered_at INTEGER,
    -- When an unconfirmed registration lapses (R-REG-5): read from the clock, whatever the status still says.
    lapses_at INTEGER,
    members INTEGER NOT NULL DEFAULT 0 CHECK (members >= 0),
    version INTEGER NOT NULL CHECK (version >= 0),
    last_number INTEGER NOT NULL CHECK (last_number >= 0),
    last_hash BLOB NOT NULL CHECK (length(last_hash) = 32),
    CHECK (lapses_at IS NULL OR status = 'waiting_confirmation')
) STRICT;

-- Lists walk these in order; identifier, status and lapse stand in them so that a row that is filtered out is never
-- fetched.
CREATE INDEX mc_customer_partner_name ON mc_customer (partner, sort_key, public_id, status, lapses_at, identifier);
CREATE INDEX mc_customer_partner_newest ON mc_customer (partner, created_at, public_id, status, lapses_at);
CREATE INDEX mc_customer_kind_name ON mc_customer (kind, sort_key, public_id, status, lapses_at, identifier);
CREATE INDEX mc_customer_kind_newest ON mc_customer (kind, created_at, public_id, status, lapses_at);

-- The queue of registrations, oldest first (R-REG-2).
CREATE INDEX mc_customer_partner_waiting ON mc_customer (partner, registered_at, public_id, lapses_at)
    WHERE status IN ('waiting_approval', 'waiting_confirmation', 'waiting_both');
CREATE INDEX mc_customer_kind_waiting ON mc_customer (kind, registered_at, public_id, lapses_at)
    WHERE status IN ('waiting_approval', 'waiting_confirmation', 'waiting_both');
CREATE INDEX mc_customer_lapse ON mc_customer (lapses_at, public_id) WHERE lapses_at IS NOT NULL;

-- What is unique over all customers: who holds an identifier. rests_until NULL: in use.
CREATE TABLE mc_identifier (
    identifier TEXT PRIMARY KEY,
    customer INTEGER NOT NULL REFERENCES mc_customer (id),
    rests_until INTEGER
) STRICT, WITHOUT ROWID;

-- "limit" NULL: unlimited.
CREATE TABLE mc_quota (
    customer INTEGER NOT NULL REFERENCES mc_customer (id),
    kind TEXT NOT NULL CHECK (length(kind) BETWEEN 1 AND 32),
    "limit" INTEGER CHECK ("limit" BETWEEN 0 AND 1000000),
    used INTEGER NOT NULL DEFAULT 0 CHECK (used >= 0),
    PRIMARY KEY (customer, kind)
) STRICT, WITHOUT ROWID;

-- The few that use more than they may (R-QUO-2).
CREATE INDEX mc_quota_over ON mc_quota (kind, customer) WHERE used > "limit";

-- through NULL: an ordinary membership, else the account through which it was self-added (R-MNG-7).
CREATE TABLE mc_membership (
    customer INTEGER NOT NULL REFERENCES mc_customer (id),
    user INTEGER NOT NULL REFERENCES mc_user (id),
    public_id BLOB NOT NULL UNIQUE CHECK (length(public_id) = 16),
    role TEXT NOT NULL CHECK (length(role) BETWEEN 1 AND 32),
    through INTEGER REFERENCES mc_customer (id),
    joined_at INTEGER NOT NULL,
    -- The number of the event by which it was made (R-MSG-3).
    since INTEGER NOT NULL CHECK (since >= 0),
    PRIMARY KEY (customer, user)
) STRICT, WITHOUT ROWID;

CREATE INDEX mc_membership_user ON mc_membership (user, customer);
CREATE INDEX mc_membership_joined ON mc_membership (customer, joined_at, public_id);
CREATE INDEX mc_membership_since ON mc_membership (customer, since, public_id);
CREATE INDEX mc_membership_self_added ON mc_membership (customer, user) WHERE through IS NOT NULL;

-- Memberships that ended, for the receipts of messages (R-MSG-6). "until" is the number of the event by which it ended.
CREATE TABLE mc_past_membership (
    customer INTEGER NOT NULL REFERENCES mc_customer (id),
    since INTEGER NOT NULL CHECK (since >= 0),
    public_id BLOB NOT NULL CHECK (length(public_id) = 16),
    user INTEGER NOT NULL REFERENCES mc_user (id),
    until INTEGER NOT NULL CHECK (until >= 1),
    left_at INTEGER NOT NULL,
    PRIMARY KEY (customer, since, public_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE mc_invitation (
    customer INTEGER NOT NULL REFERENCES mc_customer (id),
    public_id BLOB NOT NULL CHECK (length(public_id) = 16),
    address TEXT NOT NULL CHECK (address LIKE '_%@_%'),
    email_key TEXT NOT NULL CHECK (email_key LIKE '_%@_%'),
    role TEXT NOT NULL CHECK (length(role) BETWEEN 1 AND 32),
    language TEXT NOT NULL CHECK (length(language) BETWEEN 2 AND 16),
    inviter INTEGER NOT NULL REFERENCES mc_user (id),
    inviter_through INTEGER REFERENCES mc_customer (id),
    state TEXT NOT NULL CHECK (state IN ('open', 'accepted', 'declined', 'cancelled', 'expired', 'withdrawn')),
    ended_at INTEGER,
    accepted_by INTEGER REFERENCES mc_user (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    -- NULL and open: held since a restored backup was adopted (R-TOK-5).
    nonce BLOB CHECK (length(nonce) = 32),
    generation INTEGER NOT NULL CHECK (generation BETWEEN 0 AND 4294967295),
    key_number INTEGER NOT NULL CHECK (key_number BETWEEN 0 AND 255),
    mails_day INTEGER NOT NULL,
    mails_count INTEGER NOT NULL CHECK (mails_count >= 0),
    PRIMARY KEY (customer, public_id),
    CHECK ((state = 'open') = (ended_at IS NULL)),
    CHECK ((state = 'accepted') = (accepted_by IS NOT NULL)),
    -- A link that can never work again leaves no nonce behind (R-TOK-1).
    CHECK (state IN ('open', 'accepted', 'expired') OR nonce IS NULL)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX mc_invitation_open ON mc_invitation (customer, email_key) WHERE state = 'open';
CREATE INDEX mc_invitation_address ON mc_invitation (email_key, created_at, public_id) WHERE state = 'open';
CREATE INDEX mc_invitation_inviter ON mc_invitation (customer, inviter, public_id) WHERE state = 'open';
CREATE INDEX mc_invitation_expiry ON mc_invitation (customer, expires_at) WHERE state = 'open';
CREATE INDEX mc_invitation_newest ON mc_invitation (customer, created_at, public_id);
CREATE INDEX mc_invitation_declined ON mc_invitation (customer, email_key, ended_at) WHERE state = 'declined';

-- A user's own request for a customer, one for each (R-REG). What it waits for is the customer's status.
CREATE TABLE mc_registration (
    customer INTEGER PRIMARY KEY REFERENCES mc_customer (id),
    registrant INTEGER NOT NULL REFERENCES mc_user (id),
    address TEXT NOT NULL CHECK (address LIKE '_%@_%'),
    -- The registration link that it came by; a rotated one is gone, so only its id is kept (R-LNK-3).
    link_partner INTEGER REFERENCES mc_customer (id),
    link BLOB CHECK (length(link) = 16),
    confirmation TEXT NOT NULL CHECK (confirmation IN ('not_needed', 'after_approval', 'sent')),
    nonce BLOB CHECK (length(nonce) = 32),
    generation INTEGER CHECK (generation BETWEEN 0 AND 4294967295),
    key_number INTEGER CHECK (key_number BETWEEN 0 AND 255),
    expires_at INTEGER,
    mails_day INTEGER,
    mails_count INTEGER CHECK (mails_count >= 0),
    reason TEXT NOT NULL CHECK (length(reason) <= 500),
    dismissed_at INTEGER,
    CHECK ((link_partner IS NULL) = (link IS NULL)),
    CHECK (confirmation = 'sent' OR nonce IS NULL),
    CHECK ((confirmation = 'sent') = (generation IS NOT NULL)),
    CHECK ((confirmation = 'sent') = (key_number IS NOT NULL)),
    CHECK ((confirmation = 'sent') = (expires_at IS NOT NULL)),
    CHECK ((confirmation = 'sent') = (mails_day IS NOT NULL)),
    CHECK ((confirmation = 'sent') = (mails_count IS NOT NULL))
) STRICT;

CREATE INDEX mc_registration_registrant ON mc_registration (registrant, dismissed_at);

-- One for each partner (R-LNK-1), by the partner's public id: it is looked up and listed by that. "uses" may be above
-- "max_uses" while it still counts registrations that have lapsed.
CREATE TABLE mc_registration_link (
    partner BLOB PRIMARY KEY REFERENCES mc_customer (public_id),
    public_id BLOB NOT NULL UNIQUE CHECK (length(public_id) = 16),
    nonce BLOB CHECK (length(nonce) = 32),
    generation INTEGER NOT NULL CHECK (generation BETWEEN 0 AND 4294967295),
    key_number INTEGER NOT NULL CHECK (key_number BETWEEN 0 AND 255),
    made_at INTEGER NOT NULL,
    expires_at INTEGER,
    max_uses INTEGER CHECK (max_uses BETWEEN 0 AND 4294967295),
    uses INTEGER NOT NULL CHECK (uses BETWEEN 0 AND 4294967295),
    revoked_at INTEGER,
    -- A revoked one leaves no nonce behind (R-TOK-1).
    CHECK (revoked_at IS NULL OR nonce IS NULL)
) STRICT, WITHOUT ROWID;

CREATE INDEX mc_registration_link_living ON mc_registration_link (partner) WHERE revoked_at IS NULL;

CREATE TABLE mc_project (
    customer INTEGER NOT NULL REFERENCES mc_customer (id),
    public_id BLOB NOT NULL CHECK (length(public_id) = 16),
    identifier TEXT NOT NULL CHECK (length(identifier) BETWEEN 2 AND 30 AND identifier NOT GLOB '*[^a-z0-9-]*'),
    name TEXT NOT NULL CHECK (name <> ''),
    sort_key TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (customer, public_id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX mc_project_identifier ON mc_project (customer, identifier);
CREATE INDEX mc_project_name ON mc_project (customer, sort_key, public_id);

-- number: that of its event. sender NULL: the operator. account: for which it was sent.
CREATE TABLE mc_message (
    id INTEGER PRIMARY KEY,
    customer INTEGER NOT NULL REFERENCES mc_customer (id),
    public_id BLOB NOT NULL CHECK (length(public_id) = 16),
    number INTEGER NOT NULL CHECK (number >= 1),
    title TEXT NOT NULL CHECK (title <> ''),
    text TEXT NOT NULL CHECK (length(text) BETWEEN 1 AND 2000),
    salt BLOB NOT NULL CHECK (length(salt) = 32),
    mode TEXT NOT NULL CHECK (mode IN ('all_must_read', 'single_read')),
    sender INTEGER REFERENCES mc_user (id),
    sender_name TEXT NOT NULL CHECK (sender_name <> ''),
    account INTEGER REFERENCES mc_customer (id),
    account_name TEXT CHECK (account_name <> ''),
    sent_at INTEGER NOT NULL,
    ends_at INTEGER,
    state TEXT NOT NULL CHECK (state IN ('open', 'withdrawn', 'taken')),
    closed_at INTEGER,
    taken_by INTEGER REFERENCES mc_user (id),
    CHECK ((account IS NULL) = (account_name IS NULL)),
    CHECK ((state = 'open') = (closed_at IS NULL)),
    CHECK ((state = 'taken') = (taken_by IS NOT NULL)),
    CHECK (state <> 'taken' OR mode = 'single_read')
) STRICT;

CREATE UNIQUE INDEX mc_message_id ON mc_message (customer, public_id);
CREATE UNIQUE INDEX mc_message_number ON mc_message (customer, number);
-- What a person has before them: all by which a message is left out stands in the index.
CREATE INDEX mc_message_sent ON mc_message (customer, sent_at, public_id, number, mode, sender, state);
CREATE INDEX mc_message_open ON mc_message (customer, sent_at, public_id, number, mode, sender, ends_at)
    WHERE state = 'open';

-- A receipt hangs on a stay, which may have ended: "membership" refers to no row, so that it never stands in the way of
-- removing a member (R-INV-12, R-MSG-6).
CREATE TABLE mc_receipt (
    message INTEGER NOT NULL REFERENCES mc_message (id),
    membership BLOB NOT NULL CHECK (length(membership) = 16),
    user INTEGER NOT NULL REFERENCES mc_user (id),
    at INTEGER NOT NULL,
    PRIMARY KEY (message, membership)
) STRICT, WITHOUT ROWID;

-- What was counted on a UTC day, counted from 1970-01-01 (R-LIM-1).
CREATE TABLE mc_count (
    day INTEGER NOT NULL,
    counter BLOB NOT NULL CHECK (length(counter) = 33),
    count INTEGER NOT NULL CHECK (count BETWEEN 0 AND 4294967295),
    PRIMARY KEY (day, counter)
) STRICT, WITHOUT ROWID;

-- History. Ids in it are public ids as they were; it refers to nothing but its customer, so that nothing that is
-- removed later stands in its way (R-INV-12).
CREATE TABLE mc_event (
    customer INTEGER NOT NULL REFERENCES mc_customer (id),
    number INTEGER NOT NULL CHECK (number >= 1),
    at INTEGER NOT NULL,
    command BLOB NOT NULL CHECK (length(command) = 16),
    type INTEGER NOT NULL CHECK (type BETWEEN 1 AND 65535),
    actor_kind INTEGER NOT NULL CHECK (actor_kind IN (0, 1, 2)),
    actor_user BLOB CHECK (length(actor_user) = 16),
    actor_account BLOB CHECK (length(actor_account) = 16),
    channel INTEGER CHECK (channel BETWEEN 1 AND 255),
    person BLOB CHECK (length(person) = 16),
    details BLOB NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    seal_key INTEGER NOT NULL CHECK (seal_key BETWEEN 0 AND 255),
    seal BLOB NOT NULL CHECK (length(seal) = 32),
    PRIMARY KEY (customer, number),
    CHECK ((actor_kind = 1) = (actor_user IS NOT NULL)),
    CHECK ((actor_kind = 1) = (channel IS NOT NULL)),
    CHECK (actor_kind = 1 OR actor_account IS NULL)
) STRICT, WITHOUT ROWID;

-- Texts beside events; text and salt NULL: erased (R-HIS-4).
CREATE TABLE mc_label (
    customer INTEGER NOT NULL,
    number INTEGER NOT NULL,
    slot INTEGER NOT NULL CHECK (slot BETWEEN 1 AND 255),
    commitment BLOB NOT NULL CHECK (length(commitment) = 32),
    salt BLOB CHECK (length(salt) = 32),
    text TEXT,
    PRIMARY KEY (customer, number, slot),
    FOREIGN KEY (customer, number) REFERENCES mc_event (customer, number),
    CHECK ((salt IS NULL) = (text IS NULL))
) STRICT, WITHOUT ROWID;

-- Events only go on: the next number, nothing else. INSERT OR REPLACE would delete without a DELETE trigger, so the
-- number is checked at INSERT.
CREATE TRIGGER mc_event_append BEFORE INSERT ON mc_event
WHEN NEW.number <> 1 + coalesce((SELECT max(number) FROM mc_event WHERE customer = NEW.customer), 0)
BEGIN SELECT RAISE(ABORT, 'mc: events are appended, number by number'); END;
CREATE TRIGGER mc_event_keep_update BEFORE UPDATE ON mc_event
BEGIN SELECT RAISE(ABORT, 'mc: events cannot be changed'); END;
CREATE TRIGGER mc_event_keep_delete BEFORE DELETE ON mc_event
BEGIN SELECT RAISE(ABORT, 'mc: events cannot be deleted'); END;

CREATE TRIGGER mc_label_append BEFORE INSERT ON mc_label
WHEN EXISTS (SELECT 1 FROM mc_label WHERE customer = NEW.customer AND number = NEW.number AND slot = NEW.slot)
    OR NEW.number <> (SELECT max(number) FROM mc_event WHERE customer = NEW.customer)
BEGIN SELECT RAISE(ABORT, 'mc: labels come with their event'); END;
CREATE TRIGGER mc_label_keep_update BEFORE UPDATE ON mc_label
WHEN NEW.text IS NOT NULL OR NEW.salt IS NOT NULL OR NEW.customer <> OLD.customer OR NEW.number <> OLD.number
    OR NEW.slot <> OLD.slot OR NEW.commitment <> OLD.commitment
BEGIN SELECT RAISE(ABORT, 'mc: a label can only be erased'); END;
CREATE TRIGGER mc_label_keep_delete BEFORE DELETE ON mc_label
BEGIN SELECT RAISE(ABORT, 'mc: labels cannot be deleted'); END;

CREATE TABLE mc_outbox (
    id INTEGER PRIMARY KEY,
    public_id BLOB NOT NULL UNIQUE CHECK (length(public_id) = 16),
    queued_at INTEGER NOT NULL,
    recipient_user BLOB CHECK (length(recipient_user) = 16),
    recipient_name TEXT,
    recipient_address TEXT NOT NULL CHECK (recipient_address LIKE '_%@_%'),
    language TEXT NOT NULL CHECK (length(language) BETWEEN 2 AND 16),
    kind TEXT NOT NULL CHECK (kind <> ''),
    content TEXT NOT NULL CHECK (json_valid(content)),
    -- 0: approval, confirmation and removal, which go first (R-LIM-1); 1: all others.
    urgency INTEGER NOT NULL CHECK (urgency IN (0, 1)),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'delivered', 'superseded', 'dead')),
    due_at INTEGER,
    lease BLOB CHECK (length(lease) = 16),
    tries INTEGER NOT NULL DEFAULT 0 CHECK (tries >= 0),
    last_error TEXT,
    settled_at INTEGER,
    CHECK ((state = 'waiting') = (due_at IS NOT NULL)),
    CHECK ((state = 'waiting') = (settled_at IS NULL)),
    CHECK (state = 'waiting' OR lease IS NULL)
) STRICT;

CREATE INDEX mc_outbox_due ON mc_outbox (urgency, due_at, public_id) WHERE state = 'waiting';
CREATE INDEX mc_outbox_state ON mc_outbox (state, queued_at, public_id);
CREATE INDEX mc_outbox_settled ON mc_outbox (settled_at) WHERE state IN ('delivered', 'superseded');

-- actor NULL: the operator.
CREATE TABLE mc_command (
    id BLOB PRIMARY KEY CHECK (length(id) = 16),
    kind TEXT NOT NULL CHECK (kind <> ''),
    actor BLOB CHECK (length(actor) = 16),
    at INTEGER NOT NULL,
    outcome BLOB NOT NULL CHECK (length(outcome) = 33)
) STRICT, WITHOUT ROWID;

-- actor zeros: the operator.
CREATE TABLE mc_idempotency (
    actor BLOB NOT NULL CHECK (length(actor) = 16),
    kind TEXT NOT NULL CHECK (kind <> ''),
    key TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
    command BLOB NOT NULL UNIQUE REFERENCES mc_command (id),
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (actor, kind, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX mc_idempotency_expiry ON mc_idempotency (expires_at);

-- Every three characters of sort key and identifier (R-FLD-9), both folded already. It keeps no text of its own;
-- its rows are written beside those of mc_customer, under the same integer.
CREATE VIRTUAL TABLE mc_search USING fts5 (
    sort_key, identifier, content = '', contentless_delete = 1, tokenize = 'trigram case_sensitive 1'
);

-- The trigrams themselves, to find those that begin with a term of one or two characters.
CREATE VIRTUAL TABLE mc_search_term USING fts5vocab (mc_search, row);
