// The settings, one page each.
export default ['profile', 'sessions', 'organization', 'members', 'keys', 'webhooks', 'audit'].map((name) => ({ name: `settings-${name}`, path: `/app/settings/${name}` }));
