"""What stands between the network and the screens: session guard, headers, sign-in, exports, saved addresses."""
