package webhooks

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	secretBytes  = 32
	secretPrefix = "whsec_"
)

// newSecret makes a secret, and what the database keeps of it.
func (m *Module) newSecret(endpoint uuid.UUID) (text string, sealed []byte) {
	raw := m.ids.Bytes(secretBytes)
	return secretPrefix + base64.StdEncoding.EncodeToString(raw), m.sealer.Seal(nil, nil, raw, endpoint[:])
}

// headers are those of one try: the id stays over all tries, the timestamp is the try's. With several secrets there is a
// signature by each, so that a receiver which knows one of them is content (Standard Webhooks 1.0.0).
func (m *Module) headers(d due, now time.Time) (map[string]string, error) {
	secrets := [][]byte{d.Secret}
	for i, sealed := range d.PreviousSecrets {
		if now.Before(d.PreviousUntil[i]) {
			secrets = append(secrets, sealed)
		}
	}
	var signatures []string
	for _, sealed := range secrets {
		raw, err := m.sealer.Open(nil, nil, sealed, d.EndpointID[:])
		if err != nil {
			return nil, fmt.Errorf("the secret of webhook %s: %w", d.EndpointID, err)
		}
		signature, err := sign(raw, d.MessageID.String(), now, d.Payload)
		if err != nil {
			return nil, err
		}
		signatures = append(signatures, signature)
	}
	return map[string]string{
		"Content-Type": "application/json", "User-Agent": "CredLane-Webhooks",
		standardwebhooks.HeaderWebhookID:        d.MessageID.String(),
		standardwebhooks.HeaderWebhookTimestamp: strconv.FormatInt(now.Unix(), 10),
		standardwebhooks.HeaderWebhookSignature: strings.Join(signatures, " "),
	}, nil
}

func sign(secret []byte, id string, at time.Time, payload string) (string, error) {
	w, err := standardwebhooks.NewWebhookRaw(secret)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return w.Sign(id, at, []byte(payload))
}
