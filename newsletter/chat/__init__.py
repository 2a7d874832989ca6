"""Posts go out: to Slack, Discord, Telegram, Mattermost and a hundred others, through Apprise."""
