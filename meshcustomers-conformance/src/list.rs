//! The one list of cases: it makes both the tests of an adapter and [`CASES`].

/// Calls the macro `$then` of this crate with what follows its name, and with every case by module.
#[doc(hidden)]
#[macro_export]
macro_rules! for_each_case {
    ($then:ident $($with:tt)*) => {
        $crate::$then! { ($($with)*)
            transactions {
                s_1_a_reader_sees_one_state,
                s_1_lists_and_look_ups_agree_in_one_reader,
                s_2_a_second_write_on_one_thread_is_refused_at_once,
                s_2_writers_take_turns,
                s_2_a_writer_sees_every_commit_before_it,
                s_3_nothing_is_seen_before_commit,
                s_3_dropped_leaves_nothing,
                s_3_refused_leaves_nothing,
                s_3_bookkeeping_is_taken_back_too,
                s_3_after_an_error_nothing_of_the_set_is_there,
                s_3_the_next_writer_goes_on_after_a_drop,
                s_13_a_writer_sees_what_it_applied,
                s_13_a_writer_sees_what_it_kept,
            }
            changes {
                s_5_a_stale_head_is_a_conflict,
                s_5_a_customer_that_is_not_there,
                s_5_status,
                s_5_kind,
                s_5_partner,
                s_5_quota,
                s_5_identifier_rested,
                s_5_identifier_freed,
                s_5_label_erased,
                s_5_membership_changed,
                s_5_membership_removed,
                s_5_invitation_renewed,
                s_5_invitation_ended,
                s_5_user_version,
                s_5_a_conflict_in_the_last_change_undoes_the_first,
                s_7_every_change_is_stored,
                s_7_ends_empty_the_nonce,
                s_7_a_lapsed_invitation_makes_room_in_the_same_set,
            }
            unique {
                s_6_identifier,
                s_6_an_identifier_that_rests,
                s_6_host_user,
                s_6_verified_address,
                s_6_membership,
                s_6_open_invitation,
                s_6_command,
                s_6_idempotency_key,
                s_6_idempotency_keys_of_others,
            }
            history {
                s_7_event_change_mail_and_command_together,
                s_7_a_command_by_its_id,
                s_8_events_come_back_as_they_were_applied,
                s_8_numbers_have_no_gaps,
                s_8_filters,
                s_8_the_chain_verifies,
            }
            order {
                s_9_customers_by_name,
                s_9_customers_newest_first,
                s_9_customers_by_scope,
                s_9_customers_by_phase,
                s_9_customers_by_phase_of_now,
                s_9_customers_over_quota,
                s_9_customers_by_search,
                s_9_customers_without_admin,
                s_9_accounts,
                s_9_a_page_after_a_new_row,
            }
            lists {
                s_9_members,
                s_9_admins,
                s_9_invitations,
                s_9_invitations_to_an_address,
                s_9_open_invitations_of_an_inviter,
                s_9_events,
                s_9_mails,
                s_9_customer_ids,
            }
            apart {
                s_10_members_and_invitations,
                s_10_events,
                s_10_looking_up,
                s_10_changing_one_leaves_the_other,
            }
            outbox {
                s_11_due_in_order,
                s_11_urgent_mails_go_first,
                s_11_a_leased_mail_is_not_due,
                s_11_only_a_due_mail_can_be_leased,
                s_11_an_old_lease_settles_nothing,
                s_11_deliveries,
                s_11_requeue,
                s_11_forgetting_mails,
                s_11_a_mail_comes_back_as_it_was,
            }
            facts {
                s_12_members_are_counted,
                s_12_open_invitations_are_counted,
                s_13_access_of_a_member,
                s_13_access_of_a_stranger,
                s_13_access_of_a_self_added_member,
                s_13_access_of_a_manager,
                s_13_hot_access,
                s_13_other_admin,
                s_13_other_active_administrator,
                s_13_invitation_with_its_inviter,
                s_13_declined_at,
                s_13_what_a_conversion_ends,
                s_13_has_customers,
            }
            bookkeeping {
                s_5_the_instance_is_written_once,
                s_7_users_come_back,
                s_7_a_users_mails_are_queued,
                s_6_an_address_goes_to_who_verified_it,
                s_6_keys_are_forgotten,
            }
            keys {
                s_5_keys_are_introduced_before_they_make,
                s_7_an_adopted_database_has_no_living_link,
                s_11_all_waiting_mails_are_given_up,
                s_12_living_links_are_counted_by_key,
            }
            registrations {
                s_7_registrations_come_back,
                s_6_one_registration,
                s_5_registration_changed,
                s_5_address_proven,
                s_7_a_lapse_follows_the_status,
                s_6_an_identifier_of_a_lapsed_registration,
                s_7_a_released_identifier_is_free,
                s_9_registrations_of_a_user,
                s_5_dismissed,
                s_9_waiting,
                s_9_lapsed_registrations,
                s_12_waiting_registrations_are_counted,
            }
            registration_links {
                s_7_a_rotated_link_replaces_the_former,
                s_5_link_revoked,
                s_5_link_used,
                s_12_link_uses_are_counted,
                s_12_lapsed_uses_are_counted,
                s_9_linked_partners,
            }
            projects {
                s_7_projects_come_back,
                s_6_project,
                s_5_project_removed,
                s_12_projects_are_counted,
                s_9_projects,
                s_10_projects,
            }
            messages {
                s_7_messages_come_back,
                s_5_message_withdrawn,
                s_5_message_taken,
                s_6_one_receipt_for_a_membership,
                s_9_messages,
                s_9_messages_to_a_person,
                s_9_messages_of_all_accounts,
                s_9_recipients,
                s_9_recipients_who_left,
                s_10_messages,
            }
            counters {
                s_12_counts_are_sums,
                s_12_a_set_counts_its_mails,
                s_12_counts_are_forgotten,
                s_6_a_command_without_an_event,
                s_3_a_kept_command_is_taken_back_too,
            }
            races {
                s_2_r_inv_4_two_clicks_one_membership,
                s_2_r_inv_11_two_admins_remove_each_other,
                s_2_r_mng_3_add_myself_at_once,
                s_2_r_acc_10_a_right_that_was_taken_away_is_not_used,
                s_2_r_fld_1_one_identifier_for_64,
                s_2_r_inv_2_one_open_invitation_for_64,
                s_2_r_cmd_2_one_key_for_64,
                s_11_64_postmen_share_the_mails,
                s_2_r_quo_3_one_free_place_for_64,
                s_2_r_msg_2_one_first_reader_of_64,
            }
            registration_story {
                s_7_r_reg_4_the_four_combinations_without_a_link,
                s_7_r_reg_4_the_four_combinations_with_a_link,
            }
            registration_races {
                s_2_r_lnk_2_one_use_for_64,
                s_2_r_lnk_2_a_use_that_was_given_back_for_64,
                s_2_r_reg_2_64_approve_at_once,
                s_2_r_reg_5_approve_against_reject,
            }
        }
    };
}

/// Makes one `#[test]` for each case; the argument is a closure that makes a new, empty store.
///
/// ```
/// meshcustomers_conformance::store_suite!(|| meshcustomers_core::MemoryStore::new());
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! store_suite {
    ($make:expr) => {
        $crate::for_each_case! { store_tests $make }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! store_tests {
    (($make:expr) $($module:ident { $($case:ident),* $(,)? })*) => {$(
        mod $module {
            #[allow(unused_imports)]
            use super::*;

            $(
                #[test]
                fn $case() {
                    let make = $make;
                    $crate::cases::$module::$case(&|| ::std::sync::Arc::new(make()));
                }
            )*
        }
    )*};
}

#[doc(hidden)]
#[macro_export]
macro_rules! case_table {
    (() $($module:ident { $($case:ident),* $(,)? })*) => {
        /// Every case, in the order of the list.
        pub const CASES: &[$crate::Case] = &[$($(
            $crate::Case {
                name: concat!(stringify!($module), "::", stringify!($case)),
                run: |make| $crate::cases::$module::$case(make),
            },
        )*)*];
    };
}

for_each_case! { case_table }
