"""The second judge of rooms: trained on photographs with masks instead of drawn rooms."""
