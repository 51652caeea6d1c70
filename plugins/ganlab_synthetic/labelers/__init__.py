"""What the labelers of rooms, of photographs and of faces share."""
