package webhooks

import (
	"credlane/app/kit/fault"
	"credlane/app/kit/pg"
	"credlane/app/kit/rest"
)

func invalid(location, message string) *fault.Error {
	return rest.ErrInvalid.WithFields(fault.Field{Location: location, Message: message})
}

// Constraints says what each constraint of this module's tables means to a user.
func Constraints() pg.Constraints {
	return pg.Constraints{
		"webhook_endpoints_url_format":         invalid("body.url", messageURL),
		"webhook_endpoints_description_length": invalid("body.description", "Shorten this to 200 characters."),
		"webhook_endpoints_types_bound":        invalid("body.eventTypes", "Choose at least one type of event."),
	}
}

// Unreachable lists the constraints of this module's tables that no request can break: the program itself makes these values.
func Unreachable() []string {
	return []string{
		"webhook_endpoints_pkey", "webhook_endpoints_tenant_key", "webhook_endpoints_employer_fkey", "webhook_endpoints_reason_known",
		"webhook_endpoints_previous_whole", "webhook_endpoints_reason_when_disabled",
		"webhook_messages_pkey", "webhook_messages_tenant_key", "webhook_messages_employer_fkey", "webhook_messages_type_format",
		"webhook_messages_payload_length", "webhook_messages_prepared_whole",
		"webhook_deliveries_pkey", "webhook_deliveries_tenant_key", "webhook_deliveries_one_per_endpoint",
		"webhook_deliveries_endpoint_fkey", "webhook_deliveries_message_fkey", "webhook_deliveries_state_known",
		"webhook_deliveries_round_positive", "webhook_deliveries_tries_not_negative", "webhook_deliveries_attempts_hold_tries",
		"webhook_deliveries_error_length", "webhook_deliveries_ended_when_done",
		"webhook_attempts_pkey", "webhook_attempts_delivery_fkey", "webhook_attempts_number_positive", "webhook_attempts_took_not_negative",
		"webhook_attempts_error_length", "webhook_attempts_request_object", "webhook_attempts_response_object",
		"webhook_attempts_response_length",
	}
}
