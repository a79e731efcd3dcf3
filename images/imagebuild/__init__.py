"""What the images hold and how they are made: standard library only, for it also runs inside their builds."""
