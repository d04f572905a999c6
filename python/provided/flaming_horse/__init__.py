"""What Flaming Horse scenes import, for repositories that do not carry it themselves."""
